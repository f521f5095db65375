"""Datasets of the journey family."""
