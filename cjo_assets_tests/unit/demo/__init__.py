"""Tests of `cjo_assets.demo`."""
