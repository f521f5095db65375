"""Unit tests of `cjo_assets.reporting`."""
