"""Answers of the journey to questions about its decisions, scores and policies."""
