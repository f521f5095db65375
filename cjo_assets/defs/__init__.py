"""Declarations that Dagster loads: which tables, which checks, when, who owns them."""
