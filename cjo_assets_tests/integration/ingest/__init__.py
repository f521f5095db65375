"""Integration tests of `cjo_assets.ingest`."""
