"""The marketing family: its stages in pipeline order, and what the platform needs to know about it."""

from cjo_assets.core.discovery import datasets_in, tables_in
from cjo_assets.core.family import Family, Goal, Step
from cjo_assets.families.marketing.ledger import LEDGER
from cjo_assets.families.marketing.planning import PLANNING
from cjo_assets.families.marketing.questions.approvals import APPROVALS
from cjo_assets.families.marketing.questions.why import SUBJECTS
from cjo_assets.families.marketing.report.pages import PAGES
from cjo_assets.families.marketing.report.reading import REPORT
from cjo_assets.families.marketing.report.terminal import SUMMARY
from cjo_assets.families.marketing.subject import SUBJECT
from cjo_assets.families.marketing.synth.command import SYNTH

NAME = "marketing"
STAGES = (
    "inputs",
    "measurement",
    "analysis",
    "governance",
    "experiments",
    "value",
    "recommendations",
)
DATASETS = datasets_in(__package__, STAGES)

FAMILY = Family(
    name=NAME,
    datasets=DATASETS,
    tables=tables_in(__package__, NAME, STAGES, DATASETS),
    owner="team:marketing",
    goal=Goal(
        objective="Judge campaigns and experiments, govern their money and risks, and say what to do next.",
        scope="all campaigns",
        constraints=("rules decide", "people approve", "nothing later than the as-of date is known"),
    ),
    plan=(
        Step("load", "Read the raw datasets.", ("raw",)),
        Step("validate", "Hold every row to its contract and quarantine what breaks it.", ("inputs",)),
        Step("count", "Add up what assets did in experiments.", ("measurement",)),
        Step(
            "analyse", "Judge campaigns, funnels and segments, and hold the sources against each other.", ("analysis",)
        ),
        Step("experiment", "Hold each variant against its control.", ("experiments",)),
        Step("govern", "Follow budgets, risks and decisions.", ("governance",)),
        Step("account", "Measure KPIs and ROI, and reconcile the sources.", ("value",)),
        Step("recommend", "Say what to do next, with its expected impact.", ("recommendations",)),
        Step("publish", "Write the report and replace the published database.", ("publish",)),
    ),
    groups=(
        ("inputs",),
        ("measurement",),
        ("analysis",),
        ("governance", "experiments"),
        ("value",),
        ("recommendations",),
    ),
    report=REPORT,
    summary=SUMMARY,
    subject=SUBJECT,
    synth=SYNTH,
    planning=PLANNING,
    ledger=LEDGER,
    approvals=APPROVALS,
    subjects=SUBJECTS,
    pages=PAGES,
)
