"""Imaged veins as lumped vessels (0D): flows and pressures in less than a millisecond."""
