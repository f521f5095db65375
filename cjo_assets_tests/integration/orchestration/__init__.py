"""Integration tests of `cjo_assets.orchestration`."""
