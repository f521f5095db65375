"""Definitions that Dagster loads from the catalog: assets, checks, jobs, schedules and sensors."""
