"""Integration tests of `cjo_assets.policy`."""
