"""All families, found in `defs/` when they are needed."""

from cjo_assets.wiring.tables import Family


def all_families() -> tuple[Family, ...]:
    """Return every family that `defs/` declares."""
    from cjo_assets.defs import audit, journey, latest

    return (journey.FAMILY, audit.FAMILY, latest.FAMILY)
