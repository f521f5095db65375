"""Unit tests of `cjo_assets.audit.erasure`."""
