"""Read-only pages on the published database, for a browser on the same machine."""
