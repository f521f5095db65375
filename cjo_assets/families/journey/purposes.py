"""Purposes of calls of the language model for the journey; `audit.language_model_calls` lists those of all families."""

SUMMARY, MESSAGE = "summary", "message"
PURPOSES = [SUMMARY, MESSAGE]
