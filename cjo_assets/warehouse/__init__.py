"""The build database and the published database: lock, publish, retention, recovery, run log, views, export."""
