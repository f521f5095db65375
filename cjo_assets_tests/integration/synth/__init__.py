"""Integration tests of `cjo_assets.synth`."""
