"""Integration tests of `cjo_assets.language`."""
