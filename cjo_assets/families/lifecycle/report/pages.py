"""Pages of the explorer: accounts, actions, message experiments, and customers that a campaign brought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cjo_assets.core.pages import Listing, Pages, SubjectPart
from cjo_assets.families.lifecycle.report import account_page
from cjo_assets.reporting.document import Column, Grid, JoinedRecord, Row, Section, grid
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.profile import MOST_ROWS, Profile, Rows

SCHEMA = "lifecycle"
ACCOUNTS = f"""
    SELECT known.*, assigned.owner, assigned.assignment_id, accounts.plan_id
    FROM (SELECT * FROM latest.account_360 WHERE organization IS NOT NULL) AS known
    LEFT JOIN (SELECT customer_id, plan_id FROM {SCHEMA}.accounts WHERE as_of = $day) AS accounts USING (customer_id)
    LEFT JOIN (
        SELECT customer_id, arg_max(person_id, accepted_at) AS owner,
            arg_max(assignment_id, accepted_at) AS assignment_id
        FROM {SCHEMA}.assignments WHERE as_of = $day AND role = 'success_manager' AND state = 'active'
        GROUP BY customer_id
    ) AS assigned USING (customer_id)"""
ACTIONS = f"SELECT * FROM {SCHEMA}.action_plan WHERE as_of = $day"
EXPERIMENTS = f"SELECT * FROM {SCHEMA}.variant_decisions WHERE as_of = $day"
EXPERIMENT = {
    "variant_decisions": f"{EXPERIMENTS} AND experiment_id = $subject",
    "variant_posteriors": f"SELECT * FROM {SCHEMA}.variant_posteriors WHERE as_of = $day AND experiment_id = $subject "
    "ORDER BY p_best DESC NULLS LAST, variant_id",
    "personalization": f"SELECT * FROM {SCHEMA}.personalization WHERE as_of = $day AND experiment_id = $subject "
    f"ORDER BY customer_id LIMIT {MOST_ROWS}",
}
BROUGHT = {
    "organizations": f"SELECT * FROM {SCHEMA}.organizations WHERE source_campaign_id = $subject "
    f"AND signed_up_at < CAST($day AS DATE) + 1 ORDER BY signed_up_at DESC, customer_id LIMIT {MOST_ROWS}"
}
KEYS: dict[str, tuple[str, ...]] = {
    "variant_decisions": ("experiment_id",),
    "variant_posteriors": ("experiment_id", "variant_id"),
    "personalization": ("customer_id",),
    "organizations": ("customer_id",),
    "action_plan": ("action_id",),
    "account_360": ("customer_id",),
    "assignments": ("assignment_id", "customer_id"),
}
LISTED = (
    Column("organization", "organization", below=(("", "customer_id", "plain"),)),
    Column("stage", "lifecycle_stage", "words", below=(("", "lifecycle_reasons", "names"),)),
    Column("health", "health_band", "words", is_status=True, below=(("", "health_score", "whole"),)),
    Column("revenue a month", "mrr", "money"),
    Column("broken clocks", "open_breaches", "count"),
    Column("to be paid", "open_amount", "money", below=(("days overdue:", "days_overdue", "count"),)),
    Column("offer", "offer", "words", below=(("", "offer_value", "whole"),)),
    Column("risk tier", "risk_tier", "words", is_status=True),
    Column("success manager", "owner"),
)
TO_DO = (
    Column("action", "what", is_long=True, below=(("", "kind", "words"),)),
    Column("customer", "customer_id"),
    Column("owner", "owner", "words", below=(("", "role", "words"),)),
    Column("due", "due_at", "instant"),
    Column("revenue a year", "value_at_stake", "whole"),
    Column("minutes", "minutes", "count"),
    Column("fits the day", "fits_day"),
)
DECISIONS = (
    Column("experiment", "experiment_id", below=(("cohort", "cohort", "words"),)),
    Column("decision", "decision", "words", is_status=True),
    Column("leader", "leader", below=(("best with", "leader_p_best", "percent"),)),
    Column("variants", "variants", "count", below=(("dropped:", "dropped", "count"),)),
    Column("exposures missing", "exposures_missing", "count", below=(("days:", "eta_days", "count"),)),
    Column("results from", "first_day", "day", below=(("to", "last_day", "day"),)),
)
VARIANTS = (
    Column("variant", "variant_id", below=(("", "metric", "words"),)),
    Column("control", "is_control"),
    Column("rate", "rate", "rate", below=(("from", "rate_low", "rate"), ("to", "rate_high", "rate"))),
    Column("successes", "successes", "count", below=(("of", "exposures", "count"),)),
    Column("best with", "p_best", "percent"),
    Column("next exposures", "weight", "percent"),
    Column("dropped", "is_dropped"),
)
CUSTOMERS = (
    Column("customer", "customer_id"),
    Column("variant", "variant_id"),
    Column("tone", "tone", "words"),
    Column("assigned by", "assigned_by", "words"),
)
ORGANIZATIONS = (
    Column("organization", "name", below=(("", "customer_id", "plain"),)),
    Column("industry", "industry", "words"),
    Column("signed up", "signed_up_at", "instant"),
)


def accounts(rows: list[Row]) -> Grid:
    """Return accounts as a grid."""
    return grid("Accounts", LISTED, [_account(row) for row in rows])


def _account(row: Row) -> JoinedRecord:
    manager = JoinedRecord(f"{SCHEMA}.assignments", KEYS["assignments"], row, page_naming())
    joined = {"owner": (manager, "owner")} if row["owner"] is not None else {}
    return JoinedRecord("latest.account_360", ("customer_id",), row, page_naming(), joined)


def actions(rows: list[Row]) -> Grid:
    """Return actions as a grid."""
    return grid("Actions", TO_DO, Rows({"action_plan": rows}, SCHEMA, KEYS, page_naming()).of("action_plan"))


def experiments(rows: list[Row]) -> Grid:
    """Return message experiments as a grid."""
    found = Rows({"variant_decisions": rows}, SCHEMA, KEYS, page_naming())
    return grid("Experiments with messages", DECISIONS, found.of("variant_decisions"))


def experiment_profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the page on an experiment with messages."""
    del day
    found = Rows(rows, SCHEMA, KEYS, page_naming())
    sections = (
        Section(
            "variants",
            "Decision and variants",
            (
                found.grid("Decision", DECISIONS, "variant_decisions", "No decision."),
                found.grid("Variants", VARIANTS, "variant_posteriors", "No result."),
            ),
        ),
        Section(
            "customers",
            "Customers of the experiment",
            (found.grid("Customers", CUSTOMERS, "personalization", "No customer."),),
        ),
    )
    return Profile(None, (), sections)


def campaign_profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the customers that signed up through a campaign."""
    del day
    found = Rows(rows, SCHEMA, KEYS, page_naming())
    blocks = (found.grid("Customers that signed up through it", ORGANIZATIONS, "organizations", "No customer."),)
    return Profile(None, (), (Section("customers", "Customers", blocks),))


PAGES = Pages(
    listings=(
        Listing(
            name="accounts",
            title="Accounts",
            subject="customer",
            query=ACCOUNTS,
            filters={
                "lifecycle_stage": "Stage",
                "health_band": "Health",
                "plan_id": "Plan",
                "owner": "Success manager",
                "risk_tier": "Risk tier",
            },
            searched=("customer_id", "organization"),
            orders={
                "lowest health": "health_score NULLS LAST, customer_id",
                "highest revenue": "mrr DESC NULLS LAST, customer_id",
                "most to be paid": "open_amount DESC NULLS LAST, customer_id",
                "most broken clocks": "open_breaches DESC NULLS LAST, customer_id",
                "organization": "organization, customer_id",
            },
            grid=accounts,
        ),
        Listing(
            name="actions",
            title="Actions",
            subject="customer",
            query=ACTIONS,
            filters={"owner": "Owner", "kind": "Kind", "role": "Role"},
            searched=("what", "customer_id"),
            orders={
                "due first": "due_at NULLS LAST, action_id",
                "order of the owner": "owner, rank",
                "highest revenue": "value_at_stake DESC NULLS LAST, action_id",
            },
            grid=actions,
        ),
        Listing(
            name="message-experiments",
            title="Message experiments",
            subject="experiment",
            query=EXPERIMENTS,
            filters={"decision": "Decision", "cohort": "Cohort"},
            searched=("experiment_id",),
            orders={"experiment": "experiment_id", "most exposures": "exposures_per_day DESC, experiment_id"},
            grid=experiments,
        ),
    ),
    parts=(
        SubjectPart("customer", account_page.QUERIES, account_page.account_profile),
        SubjectPart("experiment", EXPERIMENT, experiment_profile),
        SubjectPart("campaign", BROUGHT, campaign_profile),
    ),
)
