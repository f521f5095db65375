"""Integration tests of `cjo_assets.warehouse`."""
