"""Tests of cjo_assets.reporting."""
