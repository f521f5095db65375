"""Erasure of a person from everything a home holds."""
