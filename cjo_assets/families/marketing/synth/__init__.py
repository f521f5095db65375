"""Generated data of the marketing family."""
