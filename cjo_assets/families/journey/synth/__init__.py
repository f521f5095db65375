"""Generated data of the journey family."""
