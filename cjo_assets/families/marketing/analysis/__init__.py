"""Analyses of campaigns of the marketing family."""
