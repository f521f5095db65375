"""Recommendations of the marketing family."""
