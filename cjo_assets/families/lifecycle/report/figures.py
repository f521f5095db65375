"""Rows of one day that the lifecycle report shows, in which order, and the policy values it states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cjo_assets.core.contract import Contract, key_of
from cjo_assets.families.lifecycle.decisions import action_plan
from cjo_assets.families.lifecycle.experiments import variant_decisions
from cjo_assets.families.lifecycle.money import invoices, mrr_bridge, mrr_movements, plan_usage
from cjo_assets.families.lifecycle.operation import config_changes, incidents, model_costs, sla_compliance
from cjo_assets.families.lifecycle.overview import health_by_band, lifecycle_summary, sla_by_priority
from cjo_assets.families.lifecycle.people import agent_scorecard, assignment_decisions
from cjo_assets.families.lifecycle.pipeline import client_pipeline, pipeline_funnel
from cjo_assets.families.lifecycle.success import (
    health_backtest,
    health_contributions,
    health_scores,
    lifecycle_messages,
    lifecycle_stages,
    opportunities,
)
from cjo_assets.families.lifecycle.support import escalations, ticket_sla
from cjo_assets.families.lifecycle.value import automation_rates, kpi_status, kpis
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.reporting.document import Code, Prose, Record, Row, records
from cjo_assets.reporting.naming import NameSource, Naming

FAMILY = "lifecycle"
NAMES = {"customer_id": NameSource(f"{FAMILY}.organizations", "customer_id")}


@dataclass(frozen=True)
class Shown:
    """A list of rows of a table that the report shows.

    Attributes:
        contract: of the table.
        order: order of its rows, in SQL.
        where: condition of its rows, in SQL.
        limit: setting of `lifecycle.reporting` that limits its rows; all rows if empty.
        table: name of the table; that of the list unless given.
        customers_of: name of the list whose customers it is about; all customers if empty.
    """

    contract: type[Contract]
    order: str
    where: str = "true"
    limit: str = ""
    table: str = ""
    customers_of: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row of the day."""
        return tuple(name for name in key_of(self.contract) if name != "as_of")


ROWS = "report_rows"
_URGENCY = "CASE state WHEN 'breached' THEN 0 WHEN 'at_risk' THEN 1 WHEN 'running' THEN 2 ELSE 3 END"
_PRIORITY = "CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END"
SHOWN: dict[str, Shown] = {
    "lifecycle_summary": Shown(lifecycle_summary.LifecycleSummary, "as_of"),
    "mrr_bridge": Shown(mrr_bridge.MrrBridge, "month"),
    "movements": Shown(
        mrr_movements.MrrMovements,
        "abs(change_mrr) DESC, customer_id",
        "movement <> 'unchanged' AND month = date_trunc('month', as_of)",
        ROWS,
        "mrr_movements",
    ),
    "invoices": Shown(invoices.Invoices, "days_overdue DESC, open DESC, invoice_id", "days_overdue > 0", ROWS),
    "plan_usage": Shown(
        plan_usage.PlanUsage, "share DESC NULLS LAST, customer_id, meter", "state IN ('near', 'over')", ROWS
    ),
    "client_pipeline": Shown(
        client_pipeline.ClientPipeline,
        "is_overdue DESC, hours_in_step DESC NULLS LAST, deal_id",
        "step IS NOT NULL",
        ROWS,
    ),
    "pipeline_funnel": Shown(pipeline_funnel.PipelineFunnel, "kind DESC, place"),
    "sla_by_priority": Shown(sla_by_priority.SlaByPriority, f"clock, {_PRIORITY}"),
    "ticket_sla": Shown(ticket_sla.TicketSla, f"{_URGENCY}, share DESC, ticket_id, clock", "stopped_at IS NULL", ROWS),
    "escalations": Shown(
        escalations.Escalations, "waited_minutes DESC, subject_id", "state IN ('late', 'waiting')", ROWS
    ),
    "assignment_decisions": Shown(
        assignment_decisions.AssignmentDecisions, "waited_hours DESC, kind, subject_id, role", "true", ROWS
    ),
    "rollbacks": Shown(
        config_changes.ConfigChanges,
        "first_failed_at, config_id, config_version",
        "decision IN ('roll_back', 'no_earlier_version')",
        ROWS,
        "config_changes",
    ),
    "incidents": Shown(incidents.Incidents, "opened_at DESC, incident_id", "true", ROWS),
    "broken_service_levels": Shown(
        sla_compliance.SlaCompliance,
        "credit DESC, customer_id, metric",
        "state = 'breached'",
        ROWS,
        "sla_compliance",
    ),
    "variant_decisions": Shown(variant_decisions.VariantDecisions, "experiment_id", "true", ROWS),
    "health_by_band": Shown(health_by_band.HealthByBand, "place"),
    "health_scores": Shown(
        health_scores.HealthScores, "score, mrr DESC, customer_id", "score IS NOT NULL", "worst_customers"
    ),
    "health_contributions": Shown(
        health_contributions.HealthContributions,
        "customer_id, component, measure",
        customers_of="health_scores",
    ),
    "health_backtest": Shown(health_backtest.HealthBacktest, "horizon_days, band"),
    "at_risk": Shown(
        lifecycle_stages.LifecycleStages, "mrr DESC, customer_id", "stage = 'at_risk'", ROWS, "lifecycle_stages"
    ),
    "renewals": Shown(
        lifecycle_stages.LifecycleStages,
        "days_to_renewal, mrr DESC, customer_id",
        "stage = 'renewal'",
        ROWS,
        "lifecycle_stages",
    ),
    "opportunities": Shown(
        opportunities.Opportunities,
        "len(blocked_by) > 0, value DESC NULLS LAST, customer_id, kind",
        "is_indicated AND state IN ('open', 'invited')",
        ROWS,
    ),
    "lifecycle_messages": Shown(
        lifecycle_messages.LifecycleMessages, "state, due_on, customer_id, message", "state IN ('due', 'missed')", ROWS
    ),
    "action_plan": Shown(
        action_plan.ActionPlan, "rank, due_at NULLS LAST, value_at_stake DESC NULLS LAST, action_id", "true", ROWS
    ),
    "kpi_status": Shown(kpi_status.KpiStatus, "family"),
    "kpis": Shown(kpis.Kpis, "family, kpi"),
    "automation_phases": Shown(
        automation_rates.AutomationRates, "rate - target NULLS LAST, phase", "task = 'all'", table="automation_rates"
    ),
    "automation_tasks": Shown(
        automation_rates.AutomationRates,
        "tasks DESC, phase, task",
        "task <> 'all'",
        ROWS,
        "automation_rates",
    ),
    "model_costs": Shown(
        model_costs.ModelCosts, "cost DESC NULLS LAST, calls DESC, customer_id, workflow, model", "true", ROWS
    ),
    "agent_scorecard": Shown(
        agent_scorecard.AgentScorecard, "person_id = 'ai' DESC, utilisation DESC NULLS LAST, person_id", "true", ROWS
    ),
}


@dataclass(frozen=True)
class LifecycleFigures:
    """The rows of the tables that the report shows.

    Attributes:
        rules: the section of the policy.
        rows: rows of each list; lists that grow with the number of organizations are cut.
        cut: lists with more rows than are shown.
        loads: input files with accepted and rejected rows.
        history: rows of `lifecycle_summary` of the day and of earlier days on record, the oldest first.
        naming: names and labels.
        rejections: number of rejected rows by dataset and rule.
    """

    as_of: date
    policy_hash: str
    policy_version: str
    rules: LifecyclePolicy
    rows: Mapping[str, list[Row]]
    cut: frozenset[str]
    history: list[Row]
    naming: Naming
    loads: list[Row]
    rejections: list[Row]

    @property
    def day(self) -> Record:
        """The report's own day."""
        return Record("report", (), {"as_of": self.as_of})

    @property
    def policy(self) -> Record:
        """The policy values that the report may state."""
        said = {"version": self.policy_version, "policy_hash": self.policy_hash}
        return Record("policy", (), said | dict(_leaves(self.rules.model_dump(), FAMILY)))

    @property
    def currency(self) -> Prose:
        """The currency before an amount."""
        return (self.policy.show("lifecycle.billing.currency"), " ")

    @property
    def summary(self) -> Record:
        """The day in one row."""
        [record] = self.of("lifecycle_summary")
        return record

    @property
    def days(self) -> list[Record]:
        """The day and earlier days on record, the oldest first."""
        return records(f"{FAMILY}.lifecycle_summary", ("as_of",), self.history, self.naming)

    @property
    def month(self) -> Record:
        """The running month of the bridge."""
        return self.of("mrr_bridge")[-1]

    def of(self, name: str) -> list[Record]:
        """Return the rows of a list."""
        shown = SHOWN[name]
        return records(f"{FAMILY}.{shown.table or name}", shown.key, self.rows[name], self.naming)

    def rest(self, name: str) -> Prose:
        """Return the note on a list that is cut; empty where all rows are shown."""
        if name not in self.cut:
            return ()
        limit = self.policy.show(f"{FAMILY}.reporting.{SHOWN[name].limit}", "count")
        return ("The first ", limit, "; all of them in ", Code(f"{FAMILY}.{SHOWN[name].table or name}"), ".")


def _leaves(values: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Return the values of a section by their paths."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value
