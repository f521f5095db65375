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
    # Meters and their states
    "api_calls": "API calls",
    "near": "near the limit",
    "over": "over the limit",
    # Reasons of the status
    "payments_overdue": "payments are overdue",
    "revenue_lost": "revenue is lost",
}
