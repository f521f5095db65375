"""Labels of values in the lifecycle report, where their names alone would not be understood."""

LABELS = {
    # Milestones
    "signed_up": "signup",
    "researched": "research",
    "requirements_validated": "validated requirements",
    "demo": "demo",
    "pilot": "pilot",
    "nda": "NDA",
    "prd_started": "start of the PRD",
    "prd_approved": "approval of the PRD",
    "pricing_approved": "approval of the price",
    "proposal_signed": "signed proposal",
    "config_deployed": "deployment",
    "handed_over": "handover",
    # Kinds of deals
    "new": "new client",
    "iteration": "iteration of a client",
    # Reasons of a stage, and triggers of an escalation
    "red_health": "health is red",
    "declining_engagement": "engagement declines",
    "asked_for_human": "requested a person",
    "low_confidence": "the AI was unsure",
    "no_answer": "the AI found no answer",
    "sla_breached": "SLA target exceeded",
    # Opportunities
    "premium_tier": "a larger plan",
    "voice_addon": "voice",
    "custom_integration": "an integration",
    # Messages
    "roi": "ROI",
    # Measures of health
    "csat": "CSAT",
    "completion_rate": "completed conversations",
    "resolution_rate": "resolved conversations",
    "volume_trend": "trend of conversations",
    "active_day_share": "days with activity",
    "features_used": "features in use",
    "tickets_per_user": "tickets per user",
    "complex_ticket_share": "tickets breached, reopened or escalated",
    "days_overdue": "days overdue",
    # Metrics of quarters
    "first_contact": "first contact was enough",
    "escalation_rate": "escalated to a person",
    "in_time": "responses in time",
    "ticket_autonomy": "tickets solved by the AI",
    "sla_met": "SLA targets met",
    "cost_reduction": "share saved",
    # Meters and their states
    "api_calls": "API calls",
    "model_cost": "cost of language models",
    "near": "near the limit",
    "over": "over the limit",
    # Reasons of the status
    "sla_missed": "SLA targets are missed",
    "revenue_at_risk": "revenue may leave",
    "payments_overdue": "payments are overdue",
    "revenue_lost": "revenue is lost",
}
