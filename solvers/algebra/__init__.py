"""Algebra: matrices for several columns, factors that are kept, solvers by purpose."""
