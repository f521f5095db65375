"""Families of tables, one folder each."""
