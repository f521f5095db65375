"""Tests of cjo_assets.wiring."""
