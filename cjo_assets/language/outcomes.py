"""Outcomes of calls of the language model."""

USED, REJECTED, FAILED = "used", "rejected", "failed"
OUTCOMES = [USED, REJECTED, FAILED]
