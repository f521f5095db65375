"""Unit tests of `cjo_assets.explorer`."""
