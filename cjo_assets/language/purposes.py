"""Purposes of calls of the language model, and their outcomes."""

SUMMARY, MESSAGE = "summary", "message"
MARKETING_SUMMARY, CAMPAIGN = "marketing_summary", "campaign"
JOURNEY_PURPOSES = [SUMMARY, MESSAGE]
PURPOSES = [*JOURNEY_PURPOSES, MARKETING_SUMMARY, CAMPAIGN]
USED, REJECTED, FAILED = "used", "rejected", "failed"
OUTCOMES = [USED, REJECTED, FAILED]
