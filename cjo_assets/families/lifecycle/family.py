"""The lifecycle family: its stages in pipeline order, and what the platform needs to know about it."""

from cjo_assets.core.discovery import datasets_in, tables_in
from cjo_assets.core.family import Family, Goal, Step
from cjo_assets.families.lifecycle.synth.command import SYNTH

NAME = "lifecycle"
STAGES = ("inputs", "money", "pipeline", "support")
DATASETS = datasets_in(__package__, STAGES)

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
        Step("publish", "Replace the published database.", ("publish",)),
    ),
    example_table="accounts",
    synth=SYNTH,
)
