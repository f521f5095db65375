"""Process mining of stages of the journey family."""
