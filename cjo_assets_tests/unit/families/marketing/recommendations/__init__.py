"""Unit tests of `cjo_assets.families.marketing.recommendations`."""
