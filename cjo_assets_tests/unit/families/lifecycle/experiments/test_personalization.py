"""Tests of personalization: draws recomputed in plain Python, variants that stay, winners, and cohorts that end."""

import hashlib
from collections import Counter
from datetime import date
from typing import Any

import pytest

from cjo_assets.families.lifecycle.experiments.personalization import (
    Personalization,
    accounts_without_variant,
    personalization,
)
from cjo_assets.families.lifecycle.experiments.variant_decisions import VariantDecisions
from cjo_assets.families.lifecycle.experiments.variant_posteriors import VariantPosteriors
from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, Rows, by, day, days_of, kept, rows_of, table_of

WEIGHTS = {"a": 0.2, "b": 0.5, "c": 0.3}
COLLECTS: Row = {"experiment_id": "X", "cohort": "power", "decision": "collect", "leader": "b"}


def variants_of(weights: dict[str, float] = WEIGHTS, experiment: str = "X") -> Rows:
    """Return variants; one with weight 0 is dropped."""
    return [
        {"experiment_id": experiment, "variant_id": name, "weight": weight, "p_best": 0.5, "is_dropped": weight == 0}
        for name, weight in weights.items()
    ]


def personalized(
    stages: Rows,
    variants: Rows | None = None,
    decisions: Rows | None = None,
    earlier: Rows = (),  # type: ignore[assignment]
    accounts: Rows = (),  # type: ignore[assignment]
    rules: Any = RULES,
) -> dict[str, Row]:
    """Return the rows by customer."""
    table = personalization(
        table_of(LifecycleStages, stages),
        table_of(Accounts, accounts),
        table_of(VariantPosteriors, variants_of() if variants is None else variants),
        table_of(VariantDecisions, [COLLECTS] if decisions is None else decisions),
        days_of(Personalization, earlier),
        rules,
    )
    return by("customer_id", kept(Personalization, table))


def stage(customer: str = "C1", cohort: str = "power") -> Row:
    """Return a customer with a cohort."""
    return {"customer_id": customer, "cohort": cohort}


def earlier(variant: str, offset: int = -1, experiment: str = "X") -> Row:
    """Return the variant of a published day."""
    return {"as_of": day(offset), "customer_id": "C1", "experiment_id": experiment, "variant_id": variant}


def drawn(customer: str, salt: str = "cjo-1") -> str:
    """Return the variant of a customer: the first five hex digits of a hash, as a share of the summed weights."""
    share = int(hashlib.sha256(f"{salt}\x1f{customer}\x1fX".encode()).hexdigest()[:5], 16) / 16**5
    return "a" if share < 0.2 else "b" if share < 0.7 else "c"


def test_draws_follow_the_weights() -> None:
    names = [f"C{number:04}" for number in range(2000)]
    found = {name: row["variant_id"] for name, row in personalized([stage(name) for name in names]).items()}
    assert found == {name: drawn(name) for name in names}
    counts = Counter(found.values())
    # Four standard errors of a share of 2,000 are at most 0.045.
    assert {name: counts[name] / 2000 for name in WEIGHTS} == pytest.approx(WEIGHTS, abs=0.045)


def test_another_salt_gives_other_draws() -> None:
    rules = RULES.model_copy(update={"personalization": RULES.personalization.model_copy(update={"salt": "other"})})
    names = [f"C{number}" for number in range(100)]
    found = personalized([stage(name) for name in names], rules=rules)
    assert {name: row["variant_id"] for name, row in found.items()} == {name: drawn(name, "other") for name in names}


@pytest.mark.parametrize("variant", ["a", "b", "c"])
def test_the_variant_of_the_last_published_day_stays(variant: str) -> None:
    row = personalized([stage()], earlier=[earlier("b", -9), earlier(variant)])["C1"]
    assert (row["variant_id"], row["assigned_by"]) == (variant, "kept")


def test_a_dropped_variant_is_replaced_by_a_draw_among_the_others() -> None:
    row = personalized([stage()], variants_of({"a": 0.0, "b": 1.0}), earlier=[earlier("a")])["C1"]
    assert (row["variant_id"], row["assigned_by"]) == ("b", "drawn")


def test_the_variant_of_another_experiment_does_not_stay() -> None:
    row = personalized([stage()], earlier=[earlier("a", experiment="Y")])["C1"]
    assert (row["variant_id"], row["assigned_by"]) == (drawn("C1"), "drawn")


@pytest.mark.parametrize(
    ("decision", "origin"), [("promote", "winner"), ("promote_pending", "kept"), ("continue", "kept")]
)
def test_a_promoted_leader_is_for_every_customer(decision: str, origin: str) -> None:
    row = personalized([stage()], decisions=[COLLECTS | {"decision": decision}], earlier=[earlier("a")])["C1"]
    assert (row["variant_id"], row["assigned_by"]) == ("b" if origin == "winner" else "a", origin)


def test_without_a_valid_experiment_there_is_no_variant() -> None:
    found = personalized(
        [stage(), stage("C2", "other")], decisions=[COLLECTS | {"decision": "invalid", "leader": None}]
    )
    assert {(row["experiment_id"], row["variant_id"], row["assigned_by"]) for row in found.values()} == {
        (None, None, None)
    }


def test_of_several_experiments_the_first_counts() -> None:
    decisions = [COLLECTS | {"experiment_id": name} for name in ("Z", "Y")]
    row = personalized([stage()], [*variants_of(experiment="Z"), *variants_of(experiment="Y")], decisions)["C1"]
    assert row["experiment_id"] == "Y"


@pytest.mark.parametrize(
    ("cohort", "tone", "expires_on"),
    [
        ("new_trial", "enthusiastic_guide", date(2025, 2, 1)),
        ("renewal", None, date(2025, 3, 1)),
        ("power", "efficient_expert", None),
        ("at_risk", "empathetic_problem_solver", None),
        ("other", None, None),
    ],
)
def test_tone_and_end_of_a_cohort(cohort: str, tone: str | None, expires_on: date | None) -> None:
    account = {"customer_id": "C1", "trial_ends_on": date(2025, 2, 1), "renewal_on": date(2025, 3, 1)}
    row = personalized([stage(cohort=cohort)], accounts=[account])["C1"]
    assert (row["tone"], row["expires_on"]) == (tone, expires_on)


def test_with_rounded_weights_every_customer_has_a_variant() -> None:
    """Three times 0.333333 is less than the draw of some customers."""
    thirds = variants_of(dict.fromkeys("abc", 0.333333))
    names = [f"C{number}" for number in range(500)]
    assert all(row["variant_id"] for row in personalized([stage(name) for name in names], thirds).values())


def test_checks() -> None:
    stages = table_of(LifecycleStages, [stage("C1"), stage("C2")])
    rows = table_of(Personalization, [{"customer_id": "C1", "experiment_id": "X", "variant_id": None}])
    assert sorted(row["customer_id"] for row in rows_of(accounts_without_variant(rows, stages))) == ["C1", "C2"]
