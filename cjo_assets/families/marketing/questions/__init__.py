"""Answers of marketing to questions about its decisions."""
