"""Generated data of the lifecycle family."""
