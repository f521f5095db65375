"""Report of the journey family."""
