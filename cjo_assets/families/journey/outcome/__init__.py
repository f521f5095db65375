"""Outcomes of interventions of the journey family."""
