"""Texts of the journey family that a language model may word."""
