"""Approval of interventions of the journey family."""
