"""Unit tests of `cjo_assets.families.lifecycle.value`."""
