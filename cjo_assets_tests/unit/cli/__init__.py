"""Unit tests of `cjo_assets.cli`."""
