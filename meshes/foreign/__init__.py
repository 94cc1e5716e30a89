"""Meshes made elsewhere, read as they are."""
