"""Tests of cjo_assets.shared."""
