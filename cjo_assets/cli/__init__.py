"""`cjo`, the command line."""
