"""Dagster: assets, jobs, partitions, automation, resources, instance."""
