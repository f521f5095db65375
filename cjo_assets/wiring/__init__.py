"""The only code that knows Dagster and the engine."""
