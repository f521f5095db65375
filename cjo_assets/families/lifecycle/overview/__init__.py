"""Overview of a day of the lifecycle."""
