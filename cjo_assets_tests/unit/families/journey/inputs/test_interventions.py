"""Tests of interventions of the history: playbooks that a source names must exist."""

from cjo_assets.families.journey.inputs.interventions import Interventions, unknown_playbooks
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets_tests.support.rows import rows_of, table_of


def test_an_intervention_that_names_an_unknown_playbook_is_found() -> None:
    rows = [{"playbook_id": "P"}, {"playbook_id": "Q"}, {"playbook_id": None}]
    named = table_of(Interventions, [row | {"intervention_id": f"I{n}"} for n, row in enumerate(rows)])
    found = rows_of(unknown_playbooks(named, table_of(Playbooks, [{"playbook_id": "P"}])))
    assert found == [{"intervention_id": "I1", "playbook_id": "Q"}]
