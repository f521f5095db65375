"""Budgets, risks and decisions of the marketing family."""
