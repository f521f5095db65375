"""Answers of the lifecycle to questions about what it computes."""
