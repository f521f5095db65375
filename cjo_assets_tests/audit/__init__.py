"""Tests of cjo_assets; the folders mirror the package."""
