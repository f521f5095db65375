"""Evaluation of stages and signals of the journey family."""
