"""Integration tests of `cjo_assets.engine`."""
