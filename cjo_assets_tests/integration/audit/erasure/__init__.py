"""Integration tests of `cjo_assets.audit.erasure`."""
