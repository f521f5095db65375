"""Report of the marketing family."""
