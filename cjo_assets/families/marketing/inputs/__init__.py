"""Datasets of the marketing family."""
