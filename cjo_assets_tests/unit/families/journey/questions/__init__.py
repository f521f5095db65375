"""Unit tests of `cjo_assets.families.journey.questions`."""
