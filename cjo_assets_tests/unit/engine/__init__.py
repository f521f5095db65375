"""Unit tests of `cjo_assets.core`."""
