"""Past days computed again and compared with what was published."""
