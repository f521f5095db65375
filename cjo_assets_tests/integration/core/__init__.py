"""Integration tests of `cjo_assets.core`."""
