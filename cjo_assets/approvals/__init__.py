"""Answers to approval requests."""
