"""The parameters of a transform as the tables they name."""

import pytest

from cjo_assets.core.table import Days, Reference, Table, reference
from cjo_assets_tests.support.rows import Row


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("journey_states", Reference("journey", "journey_states")),
        ("earlier_journey_states", Reference("journey", "journey_states", Days.EARLIER)),
        ("all_journey_states", Reference("journey", "journey_states", Days.ALL)),
        ("raw_signals", Reference("raw", "signals")),
        ("quarantined_signals", Reference("quarantine", "signals")),
        ("audit_policies", Reference("audit", "policies")),
        ("earlier_audit_language_model_calls", Reference("audit", "language_model_calls", Days.EARLIER)),
        ("issued_recommended_interventions", Reference("journey", "recommended_interventions", Days.ALL)),
    ],
)
def test_a_parameter_names_a_table(parameter: str, expected: Reference) -> None:
    assert reference(parameter, "journey") == expected


def test_what_earlier_days_left_is_no_asset_to_wait_for() -> None:
    """The calls of a day are made when its tables are done, so none of them may wait for the calls."""

    def priced(earlier_audit_language_model_calls: Row, audit_policies: Row) -> Row:
        return earlier_audit_language_model_calls | audit_policies

    table = Table("journey", "priced", object, priced, "value")  # type: ignore[arg-type]
    assert table.upstream() == {("audit", "policies")}
