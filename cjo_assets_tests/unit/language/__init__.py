"""Unit tests of `cjo_assets.language`."""
