"""Portfolio and next steps of the journey family."""
