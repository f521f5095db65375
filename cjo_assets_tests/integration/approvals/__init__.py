"""Integration tests of `cjo_assets.approvals`."""
