"""Tests that need more than Python: each says what it needs and is named where that is missing."""
