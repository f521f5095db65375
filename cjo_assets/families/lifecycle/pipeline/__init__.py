"""Deals from signup to handover, and the funnel of their milestones."""
