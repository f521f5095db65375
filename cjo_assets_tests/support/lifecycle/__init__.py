"""Helpers of the tests of the lifecycle."""
