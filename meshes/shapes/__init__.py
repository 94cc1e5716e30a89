"""Parametric veins as distance functions and sections."""
