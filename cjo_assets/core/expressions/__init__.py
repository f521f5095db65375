"""Expressions that transforms of several families share: intervals, tests, ids, numbers, choices by segment."""
