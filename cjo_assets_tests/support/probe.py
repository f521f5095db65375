"""The probe: a small data set on which every value of the policy matters, and a search for the effect of a value.

The comparison needs no second warehouse. A table is a function of the policy and of the tables before it. Where an
expression is the same under both policies, so is its result on the same inputs; where it is not, both are executed on
the tables of the first policy. A result that differs ends the search, in any order of tables: either
the tables before it are unchanged in the second policy's chain, and then this one is different there too, or they are
not, and then one of them is.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import yaml

from cjo_assets.catalog import families_about
from cjo_assets.core.checks import Check
from cjo_assets.core.contract import columns_of
from cjo_assets.core.expressions.days import as_of_date
from cjo_assets.core.table import Table, arguments_of, in_order, inputs_of, parameters_of
from cjo_assets.engine.store import Store, Stored
from cjo_assets.families.journey.report.reading import journey_figures, write_report
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.families.journey.report.texts import phrase_day
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.language.client import Endpoint
from cjo_assets.language.memory import Ask
from cjo_assets.policy import Policy, load_policy
from cjo_assets.policy.policy import added_sections
from cjo_assets.reporting.document import Document
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.journey import probe_decisions
from cjo_assets_tests.support.journey.probe_experience import add_experience, decide_earlier

Rows = list[dict[str, Any]]

PROBE_DAY = date(2025, 3, 31)
SEGMENTS = ("SMB", "Mid-Market", "Enterprise")
LOOPBACK = Endpoint("http://localhost")
# Tables that record which policy decided, whatever the decision.
PROVENANCE = ("policy_hash", "input_hash")


@dataclass(frozen=True)
class Case:
    """A customer of the probe, one per segment.

    Attributes:
        name: part of the customer's id.
        stage: current stage; None for a customer without an entry.
        days: days in it on the probe's day.
        signals: type, strength, age in days, source.
    """

    name: str
    stage: str | None
    days: int
    previous: str | None
    tenure: int
    value: int
    crm: str | None
    signals: tuple[tuple[str, float, int, str], ...] = ()


CASES = (
    Case("onb_late", "onboarding", 20, None, 5, 12000, "low", (("failed_onboarding_step", 0.9, 3, "automated"),)),
    Case(
        "onb_far",
        "onboarding",
        25,
        None,
        3,
        55000,
        "low",
        (("support_ticket_spike", 0.82, 4, "automated"), ("negative_sentiment", 0.67, 3, "manual")),
    ),
    Case("onb_new", "onboarding", 5, None, 5, 8000, "high", (("low_product_usage", 0.45, 2, "automated"),)),
    Case("onb_calm", "onboarding", 4, None, 2, 4000, None),
    Case(
        "eng_torn",
        "engagement",
        40,
        "onboarding",
        12,
        45000,
        "low",
        (("usage_drop", 0.6, 9, "automated"), ("usage_recovery", 0.55, 5, "automated")),
    ),
    Case("eng_idle", "engagement", 55, "onboarding", 24, 15000, "medium", (("inactivity_warning", 0.5, 20, "manual"),)),
    Case("eng_back", "engagement", 2, "support", 1, 110000, "high"),
    Case(
        "eng_bad",
        "engagement",
        70,
        "onboarding",
        9,
        190000,
        "low",
        (
            ("usage_drop", 0.9, 6, "automated"),
            ("negative_sentiment", 0.85, 5, "automated"),
            ("inactivity_warning", 0.8, 4, "automated"),
        ),
    ),
    Case(
        "sup_late",
        "support",
        8,
        "engagement",
        6,
        38000,
        "medium",
        (("repeat_support_tickets", 0.75, 6, "manual"), ("support_satisfaction_low", 0.65, 5, "manual")),
    ),
    Case("sup_again", "support", 6, "retention", 10, 98000, "medium", (("support_ticket_spike", 0.3, 6, "automated"),)),
    Case("sup_down", "support", 5, "escalation", 30, 20000, "low", (("complaint_on_paper", 0.9, 2, "manual"),)),
    Case("ret_long", "retention", 160, "engagement", 36, 125000, "low", (("renewal_intent", 0.3, 15, "manual"),)),
    Case(
        "ret_torn",
        "retention",
        60,
        "support",
        18,
        52000,
        "low",
        (
            ("positive_sentiment", 0.7, 5, "automated"),
            ("negative_sentiment", 0.9, 4, "automated"),
            ("usage_drop", 0.8, 3, "manual"),
        ),
    ),
    Case("ret_old", "retention", 30, "escalation", 40, 9000, "low", (("usage_drop", 0.7, 120, "automated"),)),
    Case(
        "esc_new",
        "escalation",
        4,
        "support",
        8,
        28000,
        "high",
        (
            ("support_ticket_spike", 0.9, 5, "automated"),
            ("negative_sentiment", 0.8, 4, "automated"),
            ("repeat_support_tickets", 0.7, 3, "automated"),
        ),
    ),
    Case(
        "esc_worst",
        "escalation",
        10,
        "support",
        2,
        250000,
        "low",
        (
            ("negative_sentiment", 1.0, 9, "automated"),
            ("support_ticket_spike", 1.0, 8, "automated"),
            ("repeat_support_tickets", 0.9, 7, "automated"),
            ("support_satisfaction_low", 0.9, 6, "automated"),
            ("usage_drop", 0.9, 5, "automated"),
        ),
    ),
    Case("gone_eng", "churned", 12, "engagement", 12, 7000, "high", (("usage_drop", 0.9, 20, "automated"),)),
    Case("gone_sup", "churned", 12, "support", 12, 7000, "high"),
    Case("gone_ret", "churned", 12, "retention", 12, 7000, "high"),
    Case("gone_esc", "churned", 12, "escalation", 12, 7000, "high"),
    Case("stageless", None, 0, None, 7, 60000, "medium", (("negative_sentiment", 0.95, 2, "automated"),)),
    *(Case(*row) for row in probe_decisions.CASES),
)

PLAYBOOKS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...], float, str, bool, float, tuple[int, int], str], ...]
PLAYBOOKS = (
    # id, stage, segments, triggers, risk threshold, action, needs approval, cost, value, status
    ("P_ONB_1", "onboarding", ("All",), (), 0.3, "onboarding_call", False, 120, (1000, 3000), "active"),
    ("P_ONB_2", "onboarding", ("All",), (), 0.05, "onboarding_mail", False, 5, (20, 60), "active"),
    ("P_ENG_1", "engagement", ("All",), ("usage_drop", "inactivity_warning"), 0.2, "review", False, 90, (90, 800),
     "active"),
    ("P_ENG_2", "engagement", ("All",), (), 0.65, "executive_sponsor_call", True, 80, (8000, 20000), "active"),
    ("P_ENG_3", "engagement", ("All",), (), 0.1, "discount", False, 10, (500, 900), "draft"),
    ("P_SUP_1", "support", SEGMENTS, (), 0.3, "manager_followup", True, 180, (1000, 4000), "active"),
    ("P_SUP_2", "support", ("All",), (), 0.1, "triage", False, 60, (100, 500), "active"),
    ("P_RET_1", "retention", ("All",), (), 0.1, "health_check", False, 200, (2000, 12000), "active"),
    ("P_RET_2", "retention", ("All",), (), 0.1, "loyalty_discount", False, 50, (500, 1500), "retired"),
    ("P_ESC_1", "escalation", ("All",), (), 0.3, "executive_escalation_call", True, 250, (5000, 15000), "active"),
    *probe_decisions.PLAYBOOKS,
)  # fmt: skip

HISTORY: tuple[tuple[str, str, str, str, bool, int], ...] = (
    # id, case, stage, action, needs approval, age in days
    ("H01", "onb_far", "onboarding", "onboarding_call", False, 10),
    ("H02", "sup_late", "support", "manager_followup", True, 12),
    ("H03", "eng_bad", "engagement", "executive_sponsor_call", True, 17),
    ("H04", "esc_worst", "escalation", "executive_escalation_call", True, 9),
    ("H05", "esc_new", "escalation", "executive_escalation_call", True, 3),
    ("H06", "sup_again", "support", "manager_followup", True, 0),
    ("H07", "ret_long", "retention", "health_check", False, 45),
    ("H08", "eng_torn", "engagement", "monitor_only", False, 8),
    ("H09", "eng_idle", "engagement", "review", False, 20),
    ("H10", "ret_torn", "retention", "health_check", False, 21),
    ("H11", "onb_late", "onboarding", "onboarding_mail", False, 6),
    *probe_decisions.HISTORY,
)

DECISIONS = (
    # intervention, decision, age in days of the answer, category
    ("H02", "approved", 11, None),
    ("H03", "rejected", 16, None),
    *probe_decisions.DECISIONS,
)

# Answered for H03 after its rejection: without effect, and recorded if the policy has the category.
CATEGORIES = ("wrong_customer", "bad_timing", "too_expensive", "wrong_playbook", "other")

OUTCOMES = (
    # intervention, outcome, resolution [days], CSAT, revenue, overridden, age in days
    ("H01", "resolved", 3, 1, 1500, False, 6),
    ("H02", "improved_engagement", 9, 2, 800, True, 5),
    ("H07", "partial_improvement", 12, 1, 2500, False, 30),
    ("H09", "no_response", None, 0, 0, False, 10),
    ("H10", "no_action_needed", None, -1, None, None, 11),
    # Measured on the day after the probe's: it is accepted, and changes no figure of the day.
    ("H08", "monitor_only", None, 0, None, False, -1),
    *probe_decisions.OUTCOMES,
)


def write_probe(folder: Path) -> Path:
    """Write the probe's files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for dataset, rows in _datasets().items():
        (folder / f"{dataset}.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def customer_of(case: str, segment: str) -> str:
    """Return the id of a case's customer in a segment."""
    return f"{case}@{segment}"


def _datasets() -> dict[str, Rows]:
    data: dict[str, Rows] = {
        name: []
        for name in ("customers", "journey_state_log", "signals", "interventions", "outcomes", "approval_decisions")
    }
    for segment in SEGMENTS:
        for case in CASES:
            _add_customer(data, case, segment)
        _add_undecided_day(data, segment)
        for number, described in enumerate(probe_decisions.DESCRIBED_SIGNALS):
            customer_id = customer_of("onb_calm", segment)
            signal = _signal(f"D{number}@{segment}", customer_id, ("usage_drop", 0.3, 2 + number, "automated"))
            data["signals"].append(signal | described)
    data["playbooks"] = [_playbook(*row) for row in PLAYBOOKS]
    _add_history(data)
    add_experience(data, PROBE_DAY)
    # Unknown to all catalogues of sources: rejected until a policy names it.
    data["signals"].append(_signal("X1", customer_of("ret_old", "SMB"), ("usage_drop", 0.5, 3, "partner")))
    # Rejected as long as its id is a word for a missing value.
    data["signals"].append(_signal("N/A", customer_of("ret_old", "SMB"), ("renewal_intent", 0.5, 3, "automated")))
    # Accepted as it is written, blank and all, as long as no policy trims or rejects it.
    data["signals"].append(_signal("X2 ", customer_of("ret_old", "SMB"), ("renewal_intent", 0.5, 4, "automated")))
    return data


def _add_customer(data: dict[str, Rows], case: Case, segment: str) -> None:
    customer_id = customer_of(case.name, segment)
    data["customers"].append(
        {
            "customer_id": customer_id,
            "segment": segment,
            "account_value": case.value,
            "tenure_months": case.tenure,
            "risk_tier": case.crm,
        }
    )
    if case.stage is not None:
        data["journey_state_log"].append(_entry(customer_id, case.stage, case.days, case.previous))
    for number, signal in enumerate(case.signals):
        data["signals"].append(_signal(f"{customer_id}#{number}", customer_id, signal))


def _add_undecided_day(data: dict[str, Rows], segment: str) -> None:
    """Add a customer with two entries on one day of unknown order."""
    customer_id = customer_of("two_at_once", segment)
    data["customers"].append(
        {"customer_id": customer_id, "segment": segment, "account_value": 1000, "tenure_months": 20, "risk_tier": "low"}
    )
    for stage in ("support", "retention"):
        data["journey_state_log"].append(_entry(customer_id, stage, 6, "engagement"))


def _add_history(data: dict[str, Rows]) -> None:
    cases = {row[0]: row[1] for row in HISTORY}
    for segment in SEGMENTS:
        for name, case, stage, action, asks, age in HISTORY:
            data["interventions"].append(
                {
                    "intervention_id": f"{name}@{segment}",
                    "customer_id": customer_of(case, segment),
                    "journey_stage": stage,
                    "recommended_action": action,
                    "confidence": 0.6,
                    "requires_human_approval": asks,
                    "triggered_by_signals": [],
                    "evaluation_latency_ms": 200 + 10 * age,
                    "generated_at": _ago(age),
                }
            )
        for name, decision, age, category in DECISIONS:
            data["approval_decisions"].append(
                {
                    "intervention_id": f"{name}@{segment}",
                    "decision": decision,
                    "decided_at": f"{_ago(age)}T09:00:00Z",
                    "decided_by": "maria.keller",
                    "category": category,
                    "reason": None,
                }
            )
        name, decision, age = probe_decisions.NAMELESS
        data["approval_decisions"].append(
            {
                "intervention_id": f"{name}@{segment}",
                "decision": decision,
                "decided_at": f"{_ago(age)}T10:00:00Z",
                "decided_by": "n/a",
                "category": None,
                "reason": None,
            }
        )
        for category in CATEGORIES:
            data["approval_decisions"].append(
                {
                    "intervention_id": f"H03@{segment}",
                    "decision": "rejected",
                    "decided_at": f"{_ago(12)}T09:00:00Z",
                    "decided_by": f"a person for {category}",
                    "reason": None,
                    "category": category,
                }
            )
        for name, outcome, resolution, csat, revenue, overridden, age in OUTCOMES:
            data["outcomes"].append(
                {
                    "outcome_id": f"O-{name}@{segment}",
                    "intervention_id": f"{name}@{segment}",
                    "customer_id": customer_of(cases[name], segment),
                    "outcome": outcome,
                    "resolution_time_days": resolution,
                    "csat_delta": csat,
                    "churn_risk_delta": -0.1,
                    "estimated_revenue_saved": revenue,
                    "human_override": overridden,
                    "measured_at": _ago(age),
                }
            )


def _playbook(
    playbook_id: str,
    stage: str,
    segments: tuple[str, ...],
    triggers: tuple[str, ...],
    threshold: float,
    action: str,
    asks: bool,
    cost: float,
    value: tuple[int, int],
    status: str,
) -> dict[str, Any]:
    return {
        "playbook_id": playbook_id,
        "name": playbook_id,
        "journey_stage": stage,
        "eligible_segments": list(segments),
        "trigger_signals": list(triggers),
        "risk_threshold": threshold,
        "default_actions": [action],
        "approval_required": asks,
        "avg_cost_estimate": cost,
        "expected_value_range": list(value),
        "fallback_playbook_id": None,
        "created_at": "2024-06-01",
        "status": status,
    }


def _entry(customer_id: str, stage: str, days: int, previous: str | None) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "journey_stage": stage,
        "state_entered_at": _ago(days),
        "days_in_state": days,
        "previous_stage": previous,
    }


def _signal(signal_id: str, customer_id: str, signal: tuple[str, float, int, str]) -> dict[str, Any]:
    signal_type, strength, age, source = signal
    return {
        "signal_id": signal_id,
        "customer_id": customer_id,
        "signal_type": signal_type,
        "signal_strength": strength,
        "detected_at": _ago(age),
        "journey_stage": None,
        "source": source,
    }


def _ago(days: int) -> str:
    return (PROBE_DAY - timedelta(days=days)).isoformat()


# --- the leaves of a policy -------------------------------------------------------------------------------------------


def default_content() -> dict[str, Any]:
    """Return the packaged policy as YAML, with the sections of other files."""
    content: dict[str, Any] = _packaged("policy")
    return content | {name: _packaged(name) for name in added_sections()}


def _packaged(name: str) -> dict[str, Any]:
    text = resources.files("cjo_assets.policy").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of every leaf; of a list every entry, as `path[entry]`; an empty mapping is a leaf too."""
    if isinstance(content, dict) and content:
        for name, value in content.items():
            yield from leaves(value, f"{path}.{name}".lstrip("."))
    elif isinstance(content, list):
        for entry in content:
            yield f"{path}[{entry}]", entry
    else:
        yield path, content


def value_at(content: dict[str, Any], path: str) -> Any:
    """Return the value at a path."""
    value: Any = content
    for name in path.split("."):
        value = value[name]
    return value


def nested(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes by path as the nested mapping that a policy file holds."""
    content: dict[str, Any] = {}
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return content


def policy_with(folder: Path, changes: dict[str, Any]) -> Policy:
    """Return the policy with a file of changes."""
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(nested(changes)), encoding="utf-8")
    return load_policy(path)


# --- what a policy changes --------------------------------------------------------------------------------------------


class Probe:
    """The probe computed under a policy, the packaged one unless given, and what other policies would make of it."""

    family, day = "journey", PROBE_DAY
    write = staticmethod(write_report)

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        """Write, load and compute the probe."""
        self.policy = policy or load_policy()
        families = families_about(self.family)
        self.store = Store(duckdb.connect(), families, STATEMENTS)
        load_files(self.store, families, self.written(folder / "data"), folder / "archive")
        self.prepare()
        compute_day(self.store, families, self.day, self.policy)
        tables = [table for family in families for table in family.tables if table.transform is not None]
        # The audit of policies keeps every policy as text: it shows any change, and proves none.
        self.tables = [table for table in in_order(tables) if table.full_name != "audit.policies"]
        # Without the policy among its parameters a table's expression is the same under all of them.
        self.ruled = [table for table in self.tables if table.transform and "policy" in parameters_of(table.transform)]
        # A short statement is compiled in less time, and shows the effect of a value as well as a long one.
        self.ruled.sort(key=lambda table: len(self.store.statement(table, self.day, self.policy).sql))
        self._rows: dict[tuple[str, str], Rows] = {}
        self._read: dict[tuple[str, str], list[list[Any]]] = {}
        self._report = ""

    def written(self, folder: Path) -> Path:
        """Write the files, and return their folder."""
        return write_probe(folder)

    def prepare(self) -> None:
        """Put into the store what no file holds."""
        decide_earlier(self.store, self.day)

    def document(self, policy: Policy) -> Document:
        """Return the report that a policy would show of the probe's tables."""
        figures = journey_figures(self.store, self.day, policy)
        return journey_report(replace(figures, policy_hash="", policy_version=""))

    def phrased(self, policy: Policy, say: Ask) -> Any:
        """Return the texts of the day under a policy, as a language model would write them."""
        texts = phrase_day(self.store, self.day, policy, LOOPBACK, say)
        self.store.connection.execute("DELETE FROM journey.phrased_texts WHERE as_of = ?", [self.day])
        return texts

    def difference(self, changed: Policy, start: Policy | None = None) -> str | None:
        """Return an output that a policy changes, or None: a table, else the report, else a check."""
        changed = as_if_the_same(changed, self.policy)
        for table in self.ruled:
            if self.changed_rows(table, changed, start):
                return table.full_name
        if start is None and self.report(changed) != self.report(self.policy):
            return "report"
        for table in self.tables:
            for audit in table.checks:
                if self.changed_offenders(table, audit, changed, start):
                    return f"check {table.full_name} {audit.name}"
        return None

    def rows_under(self, policy: Policy, table_name: str) -> Rows:
        """Return the rows that a policy makes of a table, on the probe's inputs."""
        [table] = [table for table in self.tables if table.full_name == table_name]
        return self._ran(table, self.store.statement(table, self.day, policy).sql)

    def changed_reader(self, name: str, changed: Policy, start: Policy | None = None) -> str | None:
        """Return a table that differs if a table it reads is as another policy has it; its own rules stay."""
        [table] = [table for table in self.tables if table.full_name == f"{self.family}.{name}"]
        readers = [table for table in self.tables if table.is_dated and (self.family, name) in table.upstream()]
        before = self._read_under(table, readers, start or self.policy)
        after = self._read_under(table, readers, changed)
        return next((reader.full_name for reader in readers if next(before) != next(after)), None)

    def _read_under(self, table: Table, readers: list[Table], policy: Policy) -> Iterator[list[Any]]:
        """Yield the rows of each reader of a table that a policy makes."""
        sql = self.store.statement(table, self.day, policy).sql
        known = self._read.setdefault((table.full_name, sql), [])
        for place in range(len(readers)):
            if place == len(known):
                known.append(self._read_again(table, sql, readers[: place + 1]))
            yield known[place]

    def _read_again(self, table: Table, sql: str, readers: list[Table]) -> list[Any]:
        """Return the rows of the last of some readers of a table that a statement fills."""
        self.store.connection.begin()
        try:
            self.store.fill(table, self.day, sql)
            # In their order, so that those of them that read others read what goes with it.
            for reader in readers:
                self.store.fill(reader, self.day, self.store.statement(reader, self.day, self.policy).sql)
            query = f"FROM {readers[-1].full_name} WHERE as_of = ? ORDER BY ALL"
            return self.store.connection.execute(query, [self.day]).fetchall()
        finally:
            self.store.connection.rollback()

    def changed_rows(self, table: Table, changed: Policy, start: Policy | None = None) -> Rows:
        """Return the rows of a table, on the probe's inputs, that only one of two policies makes."""
        before = self.store.statement(table, self.day, start or self.policy).sql
        after = self.store.statement(table, self.day, changed).sql
        if after == before:
            return []
        return _only_one_has(self._ran(table, before), self._ran(table, after))

    def changed_offenders(self, table: Table, audit: Check, changed: Policy, start: Policy | None = None) -> Rows:
        """Return what a check finds, on the probe's inputs, under only one of two policies."""
        if "policy" not in parameters_of(audit.failing_rows) and audit.contract is None:
            return []
        before = self._asked(audit.failing_rows, table.schema, start or self.policy)
        after = self._asked(audit.failing_rows, table.schema, changed)
        if after.equals(before):
            return []
        return _only_one_has(self._executed(before), self._executed(after))

    def report(self, policy: Policy) -> str:
        """Return that report as text."""
        if policy is self.policy and self._report:
            return self._report
        text = as_markdown(self.document(policy), {})
        if policy is self.policy:
            self._report = text
        return text

    def _ran(self, table: Table, sql: str) -> Rows:
        if (table.full_name, sql) not in self._rows:
            hidden = [name for name in PROVENANCE if name in table.contract.to_schema().columns]
            kept = f"* EXCLUDE ({', '.join(hidden)})" if hidden else "*"
            self._rows[table.full_name, sql] = self._found(f"SELECT {kept} FROM ({sql})")
        return self._rows[table.full_name, sql]

    def _executed(self, expression: ir.Table) -> Rows:
        kept = expression.drop(*(name for name in PROVENANCE if name in expression.columns))
        return self._found(self.store.sql(kept.order_by(list(kept.columns)), self.day))

    def _found(self, sql: str) -> Rows:
        found = self.store.connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _asked(self, function: Callable[..., ir.Table], schema: str, policy: Policy) -> ir.Table:
        tables = {name: self.store.read(found, as_of_date()) for name, found in inputs_of(function, schema).items()}
        return function(**arguments_of(function, as_of_date(), policy), **tables)


def computed_until(
    data: Path, archive: Path, days: list[date], policy: Policy, names: tuple[str, ...]
) -> tuple[Store, dict[str, Stored]]:
    """Compute what a few tables need and no more.

    Args:
        data: folder of the files.
        archive: folder for what was read.
        days: days to compute, in order.
        policy: the rules.
        names: tables; of the journey unless a schema is given.

    Returns:
        The store, and what was stored of each table on the last of the days, by full name.
    """
    families = families_about("journey")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, data, archive)
    tables = {(table.schema, table.name): table for family in families for table in family.tables if table.transform}
    needed: set[tuple[str, str]] = set()
    waiting = [(schema or "journey", name) for schema, _, name in (name.rpartition(".") for name in names)]
    while waiting:
        key = waiting.pop()
        if key in tables and key not in needed:
            needed.add(key)
            waiting += tables[key].upstream()
    stored: dict[str, Stored] = {}
    for day in days:
        store.days_of_run = (*store.days_of_run, day)
        for table in in_order(tables[key] for key in sorted(needed)):
            stored[table.full_name] = store.replace(table, day, policy)
    return store, stored


def as_if_the_same(changed: Policy, policy: Policy) -> Policy:
    """Return a policy under the hash of another: what the hash alone changes is no change."""
    vars(changed)["policy_hash"] = policy.policy_hash
    return changed


def has_customer(table: Table) -> bool:
    """Return whether the rows of a table belong to customers."""
    return any(spec.name == "customer_id" for spec in columns_of(table.contract))


def _only_one_has(one: Rows, other: Rows) -> Rows:
    if one == other:
        return []
    ours, theirs = ({_text(row): row for row in rows} for rows in (one, other))
    return [ours.get(text) or theirs[text] for text in sorted(ours.keys() ^ theirs.keys())] or [{}]


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, default=_number_or_text, sort_keys=True)


def _number_or_text(value: Any) -> float | str:
    """Return a decimal as a number: 0.05 and 0.050 are no difference."""
    return float(value) if isinstance(value, Decimal) else str(value)
