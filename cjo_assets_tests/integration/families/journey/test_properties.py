"""Properties that hold for any data: conservation, time, order, format, threads, monotony, identity, sums, coverage.

Days of 1,000 customers are computed in full three times. Where only the data, their order, their format or the threads
change, the statements of the first run again: compiling them is what takes time.
"""

import csv
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.families.journey.evaluation.aggregated_signals import aggregated_signals
from cjo_assets.families.journey.inputs.baseline_metrics import METRICS
from cjo_assets.ingest.chain import compute_day
from cjo_assets.policy import Policy
from cjo_assets_tests.support import oracle
from cjo_assets_tests.support.chain import Chain, computed, write_rows
from cjo_assets_tests.support.rows import Rows

DAY = oracle.AS_OFS[-1]
NEXT_DAY = DAY + timedelta(days=1)
CUSTOMERS = 1000
SEED = 7
Snapshot = dict[str, list[str]]
Statements = dict[str, str]
# Shrinking a failure would take minutes; the failing example is small enough to read.
FEW_EXAMPLES = settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
LOOKUPS = {
    "customers": "customers",
    "journey_state_log": "state_entries",
    "signals": "signals",
    "interventions": "interventions",
    "outcomes": "outcomes",
    "approval_decisions": "approval_decisions",
    "playbooks": "playbooks",
}
OPTIONAL = ("playbook_performance_log", "baseline_metrics", "signal_labels")
TABLES = {table.full_name: table for family in families_about("journey") for table in family.tables}
DATED = sorted(name for name, table in TABLES.items() if table.is_dated and table.schema == "journey")
JUNK: list[Any] = [
    *(None, "", " ", "nan", "Infinity", "yes", "12.50 EUR", "2025-02-30", "'; DROP TABLE raw.signals; --", "ü\u0007"),
    *(-5, 0.5, 1e18, 10**30, True, False, [], [1], ["x"], [[]], {}, {"a": [None]}),
]


@dataclass(frozen=True)
class Base:
    """The days computed in full.

    Attributes:
        chain: DAY, DAY again and NEXT_DAY in one store.
        data: the datasets as written.
        statements: what computed DAY, by table, in order.
        first, second, third: all tables of the family after each of the three.
    """

    chain: Chain
    data: dict[str, Rows]
    statements: Statements
    first: Snapshot
    second: Snapshot
    third: Snapshot


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Base]:
    """Return the generated data, decided on twice on one day and once on the next."""
    folder = tmp_path_factory.mktemp("data")
    data = oracle.generate(SEED, CUSTOMERS, folder)
    chain = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
    stored = compute_day(chain.store, families_about("journey"), DAY, policy)
    first = _snapshot(chain)
    compute_day(chain.store, families_about("journey"), DAY, policy)
    second = _snapshot(chain)
    compute_day(chain.store, families_about("journey"), NEXT_DAY, policy)
    yield Base(chain, data, {name: table.sql for name, table in stored.items()}, first, second, _snapshot(chain))
    chain.store.connection.close()


@pytest.fixture(scope="module")
def again(base: Base, tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Callable[[Path], Snapshot]:
    """Return a function that decides on DAY over a folder, by the statements of the first time where they serve."""

    def run(folder: Path) -> Snapshot:
        chain = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
        if next(folder.glob("*.parquet"), None) is None:
            _replay(chain, base.statements)
        else:
            # Values that Parquet types are validated by their types, with other statements.
            compute_day(chain.store, families_about("journey"), DAY, policy)
        found = _snapshot(chain)
        chain.store.connection.close()
        return found

    return run


# (a) conservation


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """Return a few customers, to be corrupted."""
    return oracle.generate(SEED, 12, tmp_path_factory.mktemp("small"))


SPOILS = st.lists(
    st.tuples(
        st.sampled_from(sorted(LOOKUPS)),
        st.sampled_from(["value", "key", "extra", "twin", "rival", "no record"]),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.sampled_from(JUNK),
    ),
    min_size=10,
    max_size=60,
)


@FEW_EXAMPLES
@given(spoils=SPOILS)
def test_every_row_read_is_accepted_or_quarantined(
    spoils: list[tuple[str, str, int, int, Any]],
    base: Base,
    small: dict[str, Rows],
    tmp_path_factory: pytest.TempPathFactory,
    policy: Policy,
) -> None:
    """No row is lost and none is added, whatever is corrupted in the files."""
    folder = tmp_path_factory.mktemp("corrupted")
    data = _spoiled(small, spoils)
    for name, rows in data.items():
        write_rows(folder, name, rows)
    chain = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
    wanted = {f"quarantine.{name}" for name in LOOKUPS} | {f"journey.{name}" for name in LOOKUPS.values()}
    _replay(chain, {name: sql for name, sql in base.statements.items() if name in wanted})
    for name, lookup in LOOKUPS.items():
        (counts,) = chain.rows(
            f"SELECT (SELECT count(*) FROM raw.{name}) AS read, (SELECT count(*) FROM journey.{lookup}) AS accepted, "
            f"(SELECT count(*) FROM quarantine.{name}) AS quarantined"
        )
        assert counts["read"] == len(data[name]), name
        assert counts["read"] == counts["accepted"] + counts["quarantined"], name
    chain.store.connection.close()


# (b) no look-ahead


@pytest.mark.parametrize("datasets", [*((name,) for name in sorted(LOOKUPS.keys() - {"customers"})), OPTIONAL])
def test_later_records_change_no_row_of_a_day(
    datasets: tuple[str, ...], base: Base, again: Callable[[Path], Snapshot], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is entered, detected, decided, measured or created after DAY was not known on DAY."""
    folder = tmp_path_factory.mktemp("later")
    for name in {*base.data, *datasets}:
        later = _later_records(base.data)[name] if name in datasets else []
        write_rows(folder, name, [*base.data.get(name, []), *later])
    found = again(folder)
    for lookup in (f"journey.{LOOKUPS.get(name, name)}" for name in datasets):
        assert len(found[lookup]) > len(base.first[lookup])
    _assert_same({name: base.first[name] for name in DATED}, found)


# (c) permutation, (d) format, (e) threads


def test_the_order_of_rows_changes_nothing(
    base: Base, again: Callable[[Path], Snapshot], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same rows in another order are the same data."""
    folder = tmp_path_factory.mktemp("shuffled")
    for name, rows in base.data.items():
        write_rows(folder, name, random.Random(SEED).sample(rows, len(rows)))
    _assert_same(base.first, again(folder))


def _write_ndjson(path: Path, rows: Rows) -> None:
    path.with_suffix(".ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_csv(path: Path, rows: Rows) -> None:
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
            for row in rows
        )


def _write_parquet(path: Path, rows: Rows) -> None:
    lines = path.with_suffix(".txt")
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    inferred = f"FROM read_json('{lines}', format = 'newline_delimited', sample_size = -1)"
    duckdb.connect().execute(f"COPY ({inferred}) TO '{path.with_suffix('.parquet')}' (FORMAT parquet)")


@pytest.mark.parametrize("write", [_write_ndjson, _write_csv, _write_parquet])
def test_the_format_changes_nothing(
    write: Callable[[Path, Rows], None],
    base: Base,
    again: Callable[[Path], Snapshot],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A JSON array, lines of JSON, a CSV and a typed Parquet file hold the same data."""
    folder = tmp_path_factory.mktemp("format")
    for name, rows in base.data.items():
        write(folder / name, rows)
    _assert_same(base.first, again(folder))


KINDS = [*oracle.NEGATIVE_WEIGHTS, *oracle.POSITIVE_WEIGHTS]
MANY_SIGNALS = f"""
    INSERT INTO journey.signals
        (signal_id, customer_id, signal_type, signal_strength, detected_at, journey_stage, source)
    SELECT format('X{{:06d}}', number), customer_id, {KINDS}[1 + number % {len(KINDS)}],
        (number * 7919 % 1000) / 1000, DATE '{DAY}' - (number % 90)::INTEGER, NULL, {oracle.SOURCES}[1 + number % 2]
    FROM range(300_000) AS numbers(number)
    JOIN (SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS place FROM journey.customers)
    ON place = 1 + number * 104729 % 700
"""


def test_the_number_of_threads_changes_nothing(
    base: Base, tmp_path_factory: pytest.TempPathFactory, policy: Policy
) -> None:
    """One thread adds up in another order than two; no published digit differs.

    The engine shares out blocks of 122,880 rows: with fewer signals than that, two threads would work as one.
    """
    folder = tmp_path_factory.mktemp("threads")
    for name, rows in base.data.items():
        write_rows(folder, name, rows)
    found = []
    for threads in (1, 2):
        chain = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
        chain.store.connection.execute(f"SET threads = {threads}")
        for name, sql in base.statements.items():
            _replay(chain, {name: sql})
            if name == "journey.signals":
                chain.store.connection.execute(MANY_SIGNALS)
        found.append(_snapshot(chain))
        chain.store.connection.close()
    _assert_same(*found)


# (f) monotony

SIGNALS = st.tuples(
    st.sampled_from([*oracle.NEGATIVE_WEIGHTS, *oracle.POSITIVE_WEIGHTS, "moon_phase"]),
    st.integers(0, 100),
    st.integers(0, oracle.LOOK_BACK_DAYS),
    st.sampled_from(oracle.SOURCES),
)
Signal = tuple[str, int, int, str]


@FEW_EXAMPLES
@given(
    known=st.lists(SIGNALS, max_size=6, unique_by=lambda signal: (signal[0], signal[2])),
    more=st.lists(SIGNALS, min_size=1, max_size=12),
)
def test_risk_is_monotone_in_good_and_bad_signals(known: list[Signal], more: list[Signal], policy: Policy) -> None:
    """One customer, and beside it the same customer with one more signal of each kind."""
    cases = {"K": known} | {f"K{place:02d}": [*known, signal] for place, signal in enumerate(more)}
    scores = _aggregated_risk(cases, policy)
    for place, (signal_type, *_) in enumerate(more):
        score = scores[f"K{place:02d}"]
        assert signal_type not in oracle.NEGATIVE_WEIGHTS or score >= scores["K"]
        assert signal_type not in oracle.POSITIVE_WEIGHTS or score <= scores["K"]
        assert signal_type != "moon_phase" or score == scores["K"]


def test_the_worst_signal_there_can_be_is_certain_risk(policy: Policy) -> None:
    """Full strength, full trust, largest weight: severity 1."""
    worst: Signal = ("negative_sentiment", 100, 0, "automated")
    scores = _aggregated_risk({"K1": [worst], "K2": [worst, ("usage_drop", 50, 1, "manual")]}, policy)
    assert scores == {"K1": 1.0, "K2": 1.0}


# (g) retry and identity


def test_a_day_run_twice_has_the_same_rows(base: Base) -> None:
    """A retry replaces; it adds nothing, also not to undated tables."""
    _assert_same(base.first, base.second)


def test_the_next_day_leaves_the_day_before_as_it_was(base: Base) -> None:
    """Only rows of the new day are added to dated tables."""
    kept = {name: [row for row in base.third[name] if row.startswith(f"({DAY!r}, ")] for name in DATED}
    _assert_same({name: base.first[name] for name in DATED}, kept)


def test_an_open_need_keeps_its_intervention(base: Base) -> None:
    """A need met on DAY and still there on NEXT_DAY, without an outcome in between, is one intervention."""
    days: dict[date, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in base.chain.rows("FROM journey.recommended_interventions"):
        days[row["as_of"]][row["need_id"]] = row
    measured = {row["intervention_id"] for row in base.data["outcomes"]}
    open_needs = days[DAY].keys() & days[NEXT_DAY].keys()
    assert len(open_needs) > CUSTOMERS // 20
    for need in open_needs:
        first, second = days[DAY][need], days[NEXT_DAY][need]
        assert first["intervention_id"] not in measured
        if first["decision_hash"] == second["decision_hash"]:
            assert (second["intervention_id"], second["generated_at"]) == (first["intervention_id"], DAY)
        else:
            # A pending decision whose content changed gets a new request; a settled one keeps its id.
            assert (second["intervention_id"] == first["intervention_id"]) == (second["generated_at"] == DAY)
    new_needs = days[NEXT_DAY].keys() - days[DAY].keys()
    assert new_needs
    assert {days[NEXT_DAY][need]["generated_at"] for need in new_needs} == {NEXT_DAY}
    ids = [{row["intervention_id"] for row in days[day].values()} for day in (DAY, NEXT_DAY)]
    assert not {days[NEXT_DAY][need]["intervention_id"] for need in new_needs} & ids[0]
    assert not (ids[0] | ids[1]) & {row["intervention_id"] for row in base.data["interventions"]}


def test_a_need_first_met_a_day_later_is_another_intervention(
    base: Base, tmp_path_factory: pytest.TempPathFactory, policy: Policy
) -> None:
    """The id names the day the need was first met; the need itself has no day."""
    folder = tmp_path_factory.mktemp("late")
    for name, rows in base.data.items():
        write_rows(folder, name, rows)
    late = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
    for name in base.statements:
        late.store.replace(replace(TABLES[name], checks=()), NEXT_DAY, policy)
        if name == "journey.recommended_interventions":
            break
    first = base.chain.rows("FROM journey.recommended_interventions WHERE as_of = ?", DAY)
    second = late.by("need_id", "journey.recommended_interventions")
    shared = [row for row in first if row["need_id"] in second]
    assert len(shared) > CUSTOMERS // 20
    assert all(second[row["need_id"]]["intervention_id"] != row["intervention_id"] for row in shared)
    assert {row["generated_at"] for row in second.values()} == {NEXT_DAY}
    late.store.connection.close()


# (h) contributions, (i) coverage


def test_the_contributions_of_a_score_sum_to_it(base: Base) -> None:
    """The contributions of every score of every customer add up to it."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    factors: dict[str, set[str]] = defaultdict(set)
    for part in base.chain.rows("FROM journey.risk_contributions WHERE as_of = ?", DAY):
        assert part["contribution"] == pytest.approx(part["normalised_value"] * part["weight"], abs=1e-6)
        sums[part["customer_id"], part["score"]] += part["contribution"]
        factors[part["score"]].add(part["factor"])
    scores = {
        (row["customer_id"], score): row[score]
        for row in base.chain.rows("FROM journey.risk_scores WHERE as_of = ?", DAY)
        for score in ("overall_risk_score", "churn_risk_score", "friction_score", "decision_risk")
    }
    assert sums == pytest.approx(scores, abs=1e-6)
    assert factors["overall_risk_score"] == {"signal_strength", "time_in_state", "customer_value", "signal_count"}


@pytest.mark.parametrize("day", [DAY, NEXT_DAY], ids=str)
def test_customers_in_trouble_get_a_decision_or_are_a_gap(base: Base, day: date) -> None:
    """Medium or high risk, critical health or no stage: a decision, an open intervention or a gap, never none.

    A person is called to take over where there is a gap; nothing else is both.
    """

    def customers(sql: str) -> set[str]:
        rows = base.chain.rows(f"SELECT customer_id {sql}", day)
        found = {row["customer_id"] for row in rows}
        assert len(found) == len(rows)
        return found

    churned = customers("FROM journey.journey_states WHERE as_of = ? AND journey_stage = 'churned'")
    at_risk = customers("FROM journey.risk_scores WHERE as_of = ? AND risk_tier IN ('medium', 'high')")
    critical = customers("FROM journey.journey_evaluations WHERE as_of = ? AND stage_health = 'critical'")
    nowhere = customers("FROM journey.journey_states WHERE as_of = ? AND journey_stage IS NULL")
    answered = customers(
        "FROM journey.recommended_interventions WHERE as_of = ? AND recommended_action <> 'escalate_to_person'"
    )
    called = customers(
        "FROM journey.recommended_interventions WHERE as_of = ? AND recommended_action = 'escalate_to_person'"
    )
    served = customers("FROM journey.customer_needs WHERE as_of = ? AND open_intervention_id IS NOT NULL")
    gaps = customers("FROM journey.coverage_gaps WHERE as_of = ?")
    needy = (at_risk | critical | nowhere) - churned
    assert all((churned, at_risk, critical, nowhere, answered & needy, served & needy, gaps))
    assert not answered & gaps
    assert gaps == needy - answered - served
    assert not (answered | called) & (churned | nowhere)
    assert called
    assert called & needy <= gaps


def _snapshot(chain: Chain) -> Snapshot:
    """Return every table of the family as sorted lines, `as_of` first where there is one.

    The position of a row in its file is left out: it has no meaning.
    """
    found: Snapshot = {}
    for name, table in TABLES.items():
        if table.schema == "journey":
            names = ", ".join(spec.name for spec in columns_of(table.contract) if spec.name not in table.hidden)
            rows = chain.store.connection.execute(f"SELECT {names} FROM {name}").fetchall()
            found[name] = sorted(map(repr, rows))
    return found


def _assert_same(expected: Snapshot, found: Snapshot) -> None:
    """Hold two snapshots equal; name the tables that differ, each with the first rows that only one side has."""
    differences = [
        f"{name}, {len(expected[name])} and {len(found[name])} rows\n"
        + "\n".join(row[:600] for row in sorted(set(expected[name]) ^ set(found[name]))[:4])
        for name in expected
        if expected[name] != found[name]
    ]
    assert not differences, "\n".join(differences)


def _replay(chain: Chain, statements: Statements) -> None:
    for name, sql in statements.items():
        if TABLES[name].is_view:
            chain.store.connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")
        else:
            columns = ", ".join(f'"{spec.name}"' for spec in columns_of(TABLES[name].contract))
            chain.store.connection.execute(f"INSERT INTO {name} ({columns}) {sql}")


def _spoiled(data: dict[str, Rows], spoils: list[tuple[str, str, int, int, Any]]) -> dict[str, list[Any]]:
    """Return the rows with values replaced, keys left out or added, rows repeated, and records that are none."""
    changed: dict[str, list[Any]] = {name: [dict(row) for row in rows] for name, rows in data.items()}
    for name, how, row_number, column_number, junk in spoils:
        rows = changed[name]
        # The first row stays whole: an empty customers or a column without any value would rightly stop the run.
        row = rows[1 + row_number % (len(data[name]) - 1)]
        column = sorted(data[name][0])[column_number % len(data[name][0])]
        if how == "no record":
            rows.append(junk)
        elif how == "twin":
            rows.append(dict(row))
        elif how == "rival":
            rows.append(row | {column: junk})
        elif how == "extra":
            row[f"unheard_of_{column_number % 3}"] = junk
        elif how == "key":
            row.pop(column, None)
        else:
            row[column] = junk
    return changed


def _later_records(data: dict[str, Rows]) -> dict[str, Rows]:
    """Return records dated after DAY, sound ones and broken ones, for every dataset that has dates."""
    chance = random.Random(SEED)
    days = [(DAY + timedelta(days=distance)).isoformat() for distance in (1, 1, 2, 30)]
    customers = [row["customer_id"] for row in chance.sample(data["customers"], CUSTOMERS // 3)]
    taken = {(row["customer_id"], row["state_entered_at"]) for row in data["journey_state_log"]}
    entries = [
        {
            "customer_id": customer_id,
            "journey_stage": chance.choice([*oracle.STAGES, "purgatory"]),
            "state_entered_at": chance.choice(days),
            "days_in_state": 0,
            "previous_stage": chance.choice([None, *oracle.STAGES]),
        }
        for customer_id in [*customers, "C99998"]
    ]
    signals = [
        {
            "signal_id": f"T{number:05d}",
            "customer_id": chance.choice([customer_id] * 9 + ["C99998"]),
            "signal_type": chance.choice([*oracle.NEGATIVE_WEIGHTS, *oracle.POSITIVE_WEIGHTS, "sunspots"]),
            "signal_strength": chance.choice([1, 0.9, 7]),
            "detected_at": chance.choice(days),
            "journey_stage": "support",
            "source": chance.choice([*oracle.SOURCES, "hearsay"]),
        }
        for number, customer_id in enumerate(customers * 2)
    ]
    interventions = [
        dict(row) | {"intervention_id": f"J{number:05d}", "generated_at": chance.choice(days)}
        for number, row in enumerate(data["interventions"][:80])
    ]
    outcomes = [
        dict.fromkeys(data["outcomes"][0])
        | {
            "outcome_id": f"P{number:05d}",
            "intervention_id": row["intervention_id"],
            "customer_id": row["customer_id"],
            "outcome": "resolved",
            "estimated_revenue_saved": 99999,
            "measured_at": chance.choice(days),
        }
        for number, row in enumerate(data["interventions"])
    ]
    decided = {row["intervention_id"] for row in data["approval_decisions"]}
    approvals = [
        {
            "intervention_id": row["intervention_id"],
            "decision": chance.choice(["approved", "rejected"]),
            "decided_at": f"{chance.choice(days)}T00:00:01Z",
            "decided_by": "no person yet",
            "reason": None,
        }
        for row in data["interventions"]
        if row["requires_human_approval"] and row["intervention_id"] not in decided
    ]
    playbooks = [
        dict(data["playbooks"][0])
        | {
            "playbook_id": f"PB_NEW_{stage}",
            "journey_stage": stage,
            "eligible_segments": ["All"],
            "trigger_signals": [],
            "risk_threshold": 0,
            "expected_value_range": [10**6, 10**6],
            "created_at": NEXT_DAY.isoformat(),
        }
        for stage in oracle.TYPICAL_DAYS
    ]
    return {
        "journey_state_log": [row for row in entries if (row["customer_id"], row["state_entered_at"]) not in taken],
        "signals": signals,
        "interventions": interventions,
        "outcomes": outcomes,
        "approval_decisions": approvals,
        "playbooks": playbooks,
        "baseline_metrics": [
            {"metric": metric, "value": 1, "measured_from": "2024-01-01", "measured_until": days[0]}
            for metric in METRICS
        ],
        "signal_labels": [
            {
                "label_id": f"L{number:05d}",
                "customer_id": row["customer_id"],
                "signal_id": None,
                "is_problem": True,
                "labelled_at": chance.choice(days),
            }
            for number, row in enumerate(data["customers"])
        ],
        "playbook_performance_log": [
            {
                "playbook_id": row["playbook_id"],
                "segment": "All",
                "runs": 500,
                "success_rate": 0.99,
                "avg_cost": 1,
                "avg_value": 9000,
                "roi_ratio": 8910,
                "override_rate": 0,
                "last_updated": days[0],
            }
            for row in data["playbooks"]
        ],
    }


def _aggregated_risk(cases: dict[str, list[Signal]], policy: Policy) -> dict[str, float]:
    """Return the aggregated risk of customers who differ in their signals alone."""
    customers = ibis.memtable(
        [{"customer_id": name, "segment": "SMB"} for name in cases],
        schema={"customer_id": "string", "segment": "string"},
    )
    signals = ibis.memtable(
        [
            {
                "signal_id": f"S{number:03d}",
                "customer_id": name,
                "signal_type": kind,
                "signal_strength": strength / 100,
                "detected_at": DAY - timedelta(days=age),
                "journey_stage": "support",
                "source": source,
            }
            for name, signals in cases.items()
            for number, (kind, strength, age, source) in enumerate(signals)
        ],
        schema={
            "signal_id": "string",
            "customer_id": "string",
            "signal_type": "string",
            "signal_strength": "float64",
            "detected_at": "date",
            "journey_stage": "string",
            "source": "string",
        },
    )
    expression = aggregated_signals(customers, signals, ibis.literal(DAY, "date"), policy)
    found = ibis.duckdb.connect().to_pyarrow(expression).to_pylist()
    return {row["customer_id"]: row["aggregated_risk_score"] for row in found}
