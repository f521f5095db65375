"""Risk scores of the journey family."""
