"""Recommended interventions of the journey family."""
