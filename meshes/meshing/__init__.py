"""Triangles and tetrahedra of wanted size: gmsh and MMG, each in a process of its own."""
