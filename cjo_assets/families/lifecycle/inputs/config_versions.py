"""Versions of the configurations of bots.

One row per configuration and version. The document is flattened to `path=value` entries, so that a difference between
two versions is a difference of two lists.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, Instant, TextList, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, is_unknown, shared_keys
from cjo_assets.families.lifecycle.inputs.conversations import PRODUCTS

SAVED_BY = ["client", "agent", "ai", "system"]


class ConfigVersions(Contract):
    """Versions of configurations that passed their contract. One row per configuration and version."""

    config_id: str = key("Configuration.")
    config_version: int = key("Version, from 1.", ge=1)
    customer_id: str = column("Customer whose bot it configures.", personal="customer")
    product: str = column("chatbot or voicebot.", isin=PRODUCTS)
    saved_at: Instant = column("Instant it was saved [UTC].")
    saved_by_kind: str = column("client, agent, ai or system.", isin=SAVED_BY)
    saved_by: str = column("Person or system that saved it.")
    message: str = column("Message of the change; empty without one.", free_text=True)
    settings: TextList = column("Settings, each as path=value.")


def relations(rows: ir.Table, organizations: ir.Table, people: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer, the author and the settings of a version."""
    unpaired = rows.settings.filter(lambda entry: ~entry.re_search(r"^[^=]+="))
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "saved_by: person of another customer": is_of_another(rows, rows.saved_by, people, "person_id"),
        "config_id: versions of two customers": rows.config_id.isin(shared_keys(rows, "config_id").config_id),
        "settings: an entry is not path=value": unpaired.length() > 0,
    }


DATASET = Dataset("config_versions", ConfigVersions, is_optional=True, relations=relations, record_date="saved_at")
