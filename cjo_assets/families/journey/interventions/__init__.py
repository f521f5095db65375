"""Interventions and their outcomes of the journey family."""
