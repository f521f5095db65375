"""Unit tests of `cjo_assets.audit.policy_diff`."""
