"""Schemes that advance blood flow; one file a scheme."""
