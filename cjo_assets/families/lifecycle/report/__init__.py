"""Report of the lifecycle family."""
