"""Purposes of calls of the language model for marketing; `audit.language_model_calls` lists those of all families."""

SUMMARY, CAMPAIGN = "marketing_summary", "campaign"
PURPOSES = [SUMMARY, CAMPAIGN]
