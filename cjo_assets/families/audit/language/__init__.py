"""Calls of the language model."""
