"""Helpers of the tests of journey."""
