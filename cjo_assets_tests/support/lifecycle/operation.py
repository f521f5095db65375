"""Service windows, versions of configurations and people by hand."""

from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs.config_versions import ConfigVersions
from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.inputs.service_windows import ServiceWindows
from cjo_assets_tests.support.lifecycle.events import event
from cjo_assets_tests.support.rows import Row, instant, table_of


def window(started_at: str, minutes: int = 5, customer: str = "C1", service: str = "chatbot", **more: Any) -> Row:
    """Return a window without requests, failures or downtime unless given."""
    return {"started_at": instant(started_at), "minutes": minutes, "customer_id": customer, "service": service} | more


def version(
    number: int, saved_at: str, settings: list[str], config: str = "G1", customer: str = "C1", **more: Any
) -> Row:
    """Return a version of a configuration of a chatbot."""
    return {
        "config_id": config,
        "config_version": number,
        "customer_id": customer,
        "saved_at": instant(saved_at),
        "settings": settings,
    } | more


def deployed(at: str, number: int, change: str = "CH1", config: str = "G1", customer: str = "C1", **more: Any) -> Row:
    """Return the deployment of a version, to production unless given."""
    terms = {"related_id": config, "about": "production", "quantity": float(number), "actor_kind": "system"}
    return event("config_deployed", at, customer, change, **(terms | more))


def rolled_back(at: str, to: int, config: str = "G1", customer: str = "C1", **more: Any) -> Row:
    """Return the rollback of a configuration to a version."""
    return event("config_rolled_back", at, customer, config, about="errors", quantity=float(to), **more)


def windows_of(*rows: Row) -> ir.Table:
    """Return windows as a table."""
    return table_of(ServiceWindows, [{"window_id": f"W{number:04d}"} | row for number, row in enumerate(rows, 1)])


def versions_of(*rows: Row) -> ir.Table:
    """Return versions as a table."""
    return table_of(ConfigVersions, rows)


def people_of(**roles: tuple[str | None, list[str]]) -> ir.Table:
    """Return people by id: their organization, None for our staff, and their roles."""
    return table_of(
        People,
        [{"person_id": name, "customer_id": customer, "roles": own} for name, (customer, own) in roles.items()],
    )
