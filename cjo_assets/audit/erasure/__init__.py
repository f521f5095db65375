"""Erasure of a person from a home."""
