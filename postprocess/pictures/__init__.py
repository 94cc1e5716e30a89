"""Plots and 3D pictures, in one look."""
