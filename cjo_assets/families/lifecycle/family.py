"""The lifecycle family: its stages in pipeline order, and what the platform needs to know about it."""

from cjo_assets.core.discovery import datasets_in, tables_in
from cjo_assets.core.family import Exchange, Family, Goal, Step
from cjo_assets.families.lifecycle.ledger import LEDGER
from cjo_assets.families.lifecycle.questions.approvals import APPROVALS
from cjo_assets.families.lifecycle.questions.customer import CUSTOMER_VIEW
from cjo_assets.families.lifecycle.questions.decisions import HANDED_OVER
from cjo_assets.families.lifecycle.questions.derived_signals import EXPLANATION
from cjo_assets.families.lifecycle.report.pages import PAGES
from cjo_assets.families.lifecycle.report.quarter import REVIEW
from cjo_assets.families.lifecycle.report.reading import REPORT
from cjo_assets.families.lifecycle.report.terminal import SUMMARY
from cjo_assets.families.lifecycle.subject import SUBJECT
from cjo_assets.families.lifecycle.synth.command import SYNTH
from cjo_assets.families.lifecycle.tenancy import TENANCY
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy

NAME = "lifecycle"
STAGES = (
    "inputs",
    "money",
    "pipeline",
    "support",
    "success",
    "people",
    "operation",
    "experiments",
    "decisions",
    "value",
    "overview",
)
DATASETS = datasets_in(__package__, STAGES)


def writes_signals(policy: Policy) -> bool:
    """Return whether the policy enables the derived signals of the journey."""
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    return rules.exchange.journey_signals


FAMILY = Family(
    name=NAME,
    datasets=DATASETS,
    tables=tables_in(__package__, NAME, STAGES, DATASETS),
    owner="team:lifecycle",
    goal=Goal(
        objective="Follow every organization from signup to renewal: its revenue, its deals and its usage.",
        scope="all organizations",
        constraints=("rules decide", "no figure without data", "nothing later than the as-of date is known"),
    ),
    plan=(
        Step("load", "Read the raw datasets.", ("raw",)),
        Step("validate", "Validate every row by its contract and quarantine those that break it.", ("inputs",)),
        Step("account", "Compute subscriptions, recurring revenue, usage of plans and invoices.", ("money",)),
        Step("sell", "Follow deals through their milestones.", ("pipeline",)),
        Step("serve", "Measure the clocks of tickets, escalations and the service of each day.", ("support",)),
        Step("keep", "Score the health of clients, and find who may leave and who may grow.", ("success",)),
        Step("staff", "Follow assignments and handoffs, and find people for clients without one.", ("people",)),
        Step("operate", "Measure changes, incidents, agreed service levels and costs of models.", ("operation",)),
        Step("experiment", "Decide which variants of messages go on.", ("experiments",)),
        Step("decide", "List the decisions that leave the platform, and those that need an approval.", ("decisions",)),
        Step("value", "Measure rates of automation, KPIs and the quarters of each client.", ("value",)),
        Step("summarize", "Compare the day with the targets of the policy.", ("overview",)),
        Step("publish", "Write the report and replace the published database.", ("publish",)),
    ),
    groups=(
        ("inputs",),
        ("money", "pipeline"),
        ("support", "success"),
        ("people", "operation"),
        ("experiments", "decisions"),
        ("value", "overview"),
    ),
    report=REPORT,
    summary=SUMMARY,
    subject=SUBJECT,
    tenancy=TENANCY,
    ledger=LEDGER,
    example_table="accounts",
    customer_view=CUSTOMER_VIEW,
    approvals=APPROVALS,
    handed_over=HANDED_OVER,
    synth=SYNTH,
    exchange=Exchange("journey_signals", "derived_signals.ndjson", writes_signals, EXPLANATION),
    before=("journey",),
    review=REVIEW,
    pages=PAGES,
)
