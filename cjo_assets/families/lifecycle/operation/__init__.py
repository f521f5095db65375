"""Changes of configurations, incidents, compliance with SLA targets, and costs of language models."""
