"""Integration tests of `cjo_assets.explorer`."""
