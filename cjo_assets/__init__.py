"""Governed customer-journey decisions as Dagster assets in DuckDB."""
