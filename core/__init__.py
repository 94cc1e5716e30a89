"""What every layer shares: units, settings, errors, the field vocabulary, the results file,
the record.
"""
