"""Audit questions over published data: erasure, policy diff, replay, score changes, verification, and why."""

# Registers the families that modules of this package look up in core.
from cjo_assets import catalog as catalog
