"""Datasets of the lifecycle family."""
