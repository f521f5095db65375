"""Unit tests of `cjo_assets.policy`."""
