"""Tests of the engine, the store, files and Dagster within one process."""
