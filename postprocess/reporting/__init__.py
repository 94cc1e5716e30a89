"""What was measured, in words, tables and pages."""
