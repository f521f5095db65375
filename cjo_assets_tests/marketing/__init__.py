"""Tests of cjo_assets.marketing."""
