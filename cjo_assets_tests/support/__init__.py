"""Helpers of the tests: rows, computed days, homes and servers."""
