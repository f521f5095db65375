"""Integration tests of `cjo_assets.families.lifecycle`."""
