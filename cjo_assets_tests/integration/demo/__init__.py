"""Integration tests of `cjo_assets.demo`."""
