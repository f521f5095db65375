"""Experiments of the marketing family."""
