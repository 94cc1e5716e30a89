"""Fitting a twin to a patient: priors, observations, smoother, tests of the forecast, versions.

The model is an argument everywhere: a function from unknowns to what would be measured.
"""
