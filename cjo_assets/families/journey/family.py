"""The journey family: its stages in pipeline order, and what the platform needs to know about it."""

from cjo_assets.core.discovery import datasets_in, tables_in
from cjo_assets.core.family import Family, Goal, Step, Texts
from cjo_assets.core.table import LATEST
from cjo_assets.families.journey.ledger import LEDGER
from cjo_assets.families.journey.macros import MACROS
from cjo_assets.families.journey.questions.approvals import APPROVALS
from cjo_assets.families.journey.questions.policies import POLICY_COMPARISON
from cjo_assets.families.journey.questions.risk_changes import SCORE_CHANGES
from cjo_assets.families.journey.questions.why import EXPLANATION
from cjo_assets.families.journey.report.pages import PAGES
from cjo_assets.families.journey.report.reading import REPORT
from cjo_assets.families.journey.report.terminal import SUMMARY
from cjo_assets.families.journey.report.texts import TEXTS, phrase_day
from cjo_assets.families.journey.subject import SUBJECT
from cjo_assets.families.journey.synth.command import SYNTH
from cjo_assets.families.journey.tenancy import TENANCY

NAME = "journey"
STAGES = (
    "inputs",
    "interventions",
    "evaluation",
    "forecast",
    "risk",
    "learning",
    "decision",
    "approval",
    "outcome",
    "value",
    "process",
    "portfolio",
    "language",
)
DATASETS = datasets_in(__package__, STAGES)

FAMILY = Family(
    name=NAME,
    datasets=DATASETS,
    tables=tables_in(__package__, NAME, STAGES, DATASETS),
    owner="team:journey",
    goal=Goal(
        objective="Find customers in trouble, decide what to do about it, and account for what it cost and brought.",
        scope="all customers",
        constraints=("rules decide", "people approve", "nothing later than the as-of date is known"),
    ),
    plan=(
        Step("load", "Read the raw datasets.", ("raw",)),
        Step("validate", "Hold every row to its contract and quarantine what breaks it.", ("inputs",)),
        Step("evaluate", "Judge each customer's stage and add up the signals.", ("interventions", "evaluation")),
        Step("forecast", "Read from the log what becomes of customers in their place.", ("forecast",)),
        Step("score", "Score risk, with every factor on record.", ("risk",)),
        Step("learn", "Hold playbooks, signals and thresholds against the outcomes known.", ("learning",)),
        Step("recommend", "Choose a playbook for each need, or say why none fits.", ("decision",)),
        Step("escalate", "Ask people for the decisions that are theirs.", ("approval",)),
        Step("follow_up", "Join outcomes to the interventions they measure.", ("outcome",)),
        Step(
            "account",
            "Measure KPIs and ROI on what was executed, and add up the portfolio.",
            ("value", "process", "portfolio"),
        ),
        Step("phrase", "Put into words what the tables prove, where the policy asks a language model.", ("language",)),
        Step("publish", "Write the report and replace the published database.", ("publish",)),
    ),
    groups=(
        ("inputs", "interventions"),
        ("evaluation", "forecast"),
        ("risk", "learning"),
        ("decision", "approval"),
        ("outcome", "value"),
        ("process", "portfolio", "language"),
    ),
    report=REPORT,
    summary=SUMMARY,
    subject=SUBJECT,
    tenancy=TENANCY,
    synth=SYNTH,
    texts=Texts(TEXTS[1], phrase_day),
    ledger=LEDGER,
    explanation=EXPLANATION,
    approvals=APPROVALS,
    policy_comparison=POLICY_COMPARISON,
    score_changes=SCORE_CHANGES,
    example_table="risk_scores",
    macros=MACROS,
    latest_schema=LATEST,
    is_on_spark=True,
    pages=PAGES,
)
