"""Assignments, capacity and results of our staff, and who takes clients without a person."""
