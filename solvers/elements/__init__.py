"""Integrals over cells and facets as array expressions."""
