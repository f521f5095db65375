"""Helpers of the tests of marketing."""
