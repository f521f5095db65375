"""Metrics of assets and experiments of the marketing family."""
