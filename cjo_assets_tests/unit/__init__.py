"""Tests of pure functions, on rows made in memory."""
