"""People: our staff and the members of client organizations.

One row per person. Names are not stored: a person is an id with roles and limits, as of the present file.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, TextList, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_unknown
from cjo_assets.policy import Policy


class People(Contract):
    """People that passed their contract. One row per person."""

    person_id: str = key("Person.")
    customer_id: str = column("Organization of a client's member; null: our staff.", nullable=True, personal="customer")
    roles: TextList = column("Roles, as the policy's people_roles name them.")
    skills: TextList = column("Skills: the kinds of opportunities the person can work on.")
    max_clients: int = column("Most clients at once [clients]; null: the policy's.", ge=0, nullable=True)
    max_handoffs: int = column("Most open handoffs at once [handoffs]; null: the policy's.", ge=0, nullable=True)
    manager_id: str = column("Person who manages them; null without one.", nullable=True)
    left_on: date = column("Last day of work; null while they work.", nullable=True)


def relations(rows: ir.Table, organizations: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return the rules on the organization and the roles of a person."""
    known = list(policy.vocabulary.people_roles)
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "roles: not in the policy's people_roles": rows.roles.filter(lambda role: role.notin(known)).length() > 0,
    }


DATASET = Dataset("people", People, relations=relations, is_history=False)
