"""Effects of a candidate policy on published days."""
