"""Explanation of score changes between two days."""
