"""Explanations of campaigns, experiments, recommendations and budget actions.

Queries of their parts, and the answer in plain words.
"""

from __future__ import annotations

from cjo_assets.core.questions import Branch, ExplainedSubject, Row, SubjectExplanation
from cjo_assets.families.marketing.experiments._experiment_verdicts import FIXED_HORIZON
from cjo_assets.reporting.approvals import approval_sentence
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.text import chance, day, instant, money, number, percent, rate, shown, words


def _experiment(found: ExplainedSubject) -> str:
    """Return what was tested, what was counted, how it was read, and the verdict with its rule."""
    row = found.row
    name = next((campaign["name"] for campaign in found.parts.get("campaign", ())), row["campaign_id"])
    parts = [
        f"{name}: {row['experiment_id']} compares the creative {row['variant_asset']} with the creative "
        f"{row['control_asset']} by {_label('metric', row['metric'])}.",
        " ".join(f"The {arm['arm']} has {_counts(arm)}." for arm in found.parts.get("arms", ())),
    ]
    if row["reading"] is not None:
        lift = percent(row["relative_effect"])
        parts += [
            f"The variant's rate differs by {rate(row['absolute_effect'])}"
            f"{f' ({lift} of the control)' if row['relative_effect'] is not None else ''}; the interval that decides "
            f"gives a benefit from {rate(row['benefit_low'])} to {rate(row['benefit_high'])}.",
            _look(row),
            f"The probability of such a difference without an effect is {chance(row['adjusted_p_value'])}"
            f"{_correction(row['comparisons'])}.",
            _required(found.policy),
            _guardrails(row),
        ]
    parts.append(f"The verdict is: {_label('verdict', row['verdict'])}, because: {_label('rule', row['rule'])}.")
    return _joined(parts)


def _correction(comparisons: int) -> str:
    return f", corrected for {comparisons} experiments that are read together" if comparisons > 1 else ""


def _required(policy: Row) -> str:
    """Return what the policy of the day required; nothing where it is not recorded."""
    rules = policy.get("marketing", {}).get("experiments")
    if rules is None:
        return ""
    chance_of_none, lift = rules["statistical_significance_threshold"], rules["lift_threshold_for_scaling"]
    return f"The policy requires a probability of at most {number(chance_of_none)}, and a lift of {percent(lift)}."


def _counts(arm: Row) -> str:
    if arm["exposures"] is None:
        return "no counts"
    unit = _label("unit", arm["unit"]) if arm["unit"] else "exposures"
    return f"{shown(arm['successes'])} successes of {shown(arm['exposures'])} {unit} ({rate(arm['rate'])})"


def _look(row: Row) -> str:
    if row["reading"] == FIXED_HORIZON:
        return "It has reached its planned end, so it is read once."
    return "It is read on every day, so the interval is one that holds on all days at once."


def _guardrails(row: Row) -> str:
    broken, unproven = row["guardrails_broken"] or [], row["guardrails_unproven"] or []
    text = f"Broken guardrails: {_label('metric', broken)}." if broken else "No guardrail is broken."
    return f"{text} Of {_label('metric', unproven)} a fall beyond the margin cannot be ruled out." if unproven else text


def _campaign(found: ExplainedSubject) -> str:
    """Return the state of a campaign: time, money, performance, experiments, risks and the first recommendation."""
    row = found.row
    parts = [f"{row['name']} ({row['campaign_id']}) is {_label('status', row['status'])}."]
    if row["elapsed_share"] is not None:
        parts.append(f"{percent(row['elapsed_share'])} of its time has passed.")
    if row["recorded_spend"] is None:
        parts.append(f"No spend of its budget of {money(row['budget'])} is recorded.")
    else:
        pace = f"; its pace: {_label('pacing_status', row['pacing_status'])}"
        share = f" ({percent(row['spent_share'])})" if row["spent_share"] is not None else ""
        parts.append(f"It has spent {money(row['recorded_spend'])} of {money(row['budget'])}{share}{pace}.")
        ratio = f", {number(row['roas'], 2)} times its spend" if row["roas"] is not None else ""
        value = f"Its recorded value is {money(row['recorded_value'])}{ratio}."
        parts += [value] if row["recorded_value"] is not None else []
    parts.append(_performance(row))
    running, done = row["active_experiments"], row["completed_experiments"]
    parts.append(f"{_count(running, 'experiment is', 'experiments are')} running and {done} completed.")
    if "risks" in found.parts:
        parts.append(f"{_count(len(found.parts['risks']), 'risk is', 'risks are')} open.")
    steps = found.parts.get("recommendations")
    if steps:
        parts.append(
            f"Of {_count(len(steps), 'recommendation', 'recommendations')} the first is: {_sentence(_task(steps[0]))}"
        )
    return _joined(parts)


def _performance(row: Row) -> str:
    metric = _label("metric", row["primary_kpi"])
    if row["kpi_attainment"] is None:
        return f"Its {metric} cannot be compared with a target: {_label('rule', row['rule'])}."
    return (
        f"Its {metric} is {rate(row['kpi_value'])} of a target of {rate(row['kpi_target'])}: "
        f"{_label('overall_performance', row['overall_performance'])}."
    )


def _task(row: Row) -> str:
    """Return what a recommendation describes, with the kind of its subject before the id."""
    text, subject = _label("description", row["description"], "prose"), row["target_id"]
    kind = _label("category", row["category"])
    return text if f"{kind} {subject}" in text else text.replace(subject, f"{kind} {subject}")


def _recommendation(found: ExplainedSubject) -> str:
    """Return what is recommended, why, with which effect, and whether a person must approve it."""
    row = found.row
    about, why = (_label(name, row[name], "prose") for name in ("target_name", "rationale"))
    parts = [
        f"{about}: {_sentence(_task(row))} Why: {_sentence(why)}",
        f"The recommendation {row['recommendation_id']} is number {row['rank']} of those of {day(found.as_of)}, with "
        f"{_label('priority', row['priority'])} priority.",
    ]
    if row["net_impact"] is None:
        parts.append("Its effect in money is not known.")
    else:
        parts.append(
            f"Its net effect is estimated at {money(row['net_impact'])}, from {money(row['net_impact_low'])} to "
            f"{money(row['net_impact_high'])}, with {_label('confidence', row['confidence'])} confidence."
        )
    # A day of an earlier version has no requests.
    asked = [approval_sentence(request) for request in found.parts.get("approval", ())]
    required = "A person must approve it." if row["requires_human_approval"] else "It requires no approval."
    parts += asked or [required]
    return _joined(parts)


def _budget_action(found: ExplainedSubject) -> str:
    """Return what a budget action moves, who proposed it, which rules refuse it, and whether a person answered."""
    row = found.row
    name = next((campaign["name"] for campaign in found.parts.get("campaign", ())), row["campaign_id"])
    share = f" ({percent(row['budget_share'])} of the budget)" if row["budget_share"] is not None else ""
    parts = [
        f"{name}: {row['budget_action_id']} moves {money(row['amount'])} {row['currency']}{share} from the channel "
        f"{row['from_channel_id']} to the channel {row['to_channel_id']}.",
        f"It was proposed on {instant(row['proposed_at'])}; by: {_label('proposed_by', row['proposed_by'])}; reason: "
        f"{_label('reason_code', row['reason_code'])}.",
    ]
    refusals, violations = row["refusal_reasons"], row["violations"]
    parts.append(f"The rules refuse it: {_label('refusal_reasons', refusals)}." if refusals else "No rule refuses it.")
    parts += [f"What was done against the rules: {_label('violations', violations)}."] if violations else []
    # Only an action that waits, and that no rule refuses, is in the approval queue.
    asked = [approval_sentence(request) for request in found.parts.get("approval", ())]
    answered = f" by {row['approver_id']}" if row["approver_id"] is not None else ""
    parts += asked or [
        f"Its approval: {_label('approval_state', row['approval_state'])}{answered}; its status: "
        f"{_label('status', row['status'])}."
    ]
    return _joined(parts)


def _branches(found: ExplainedSubject) -> list[Branch]:
    """Return all columns of the subject, and the rows of each part."""
    columns = [f"{name}: {shown(value)}" for name, value in found.row.items()]
    made = [Branch(f"{found.kind.capitalize()} on {found.as_of}", columns)]
    made += [Branch(words(name).capitalize(), [_line(row) for row in rows]) for name, rows in found.parts.items()]
    return [branch for branch in made if branch.lines]


def _line(row: Row) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in row.items() if value is not None and name != "as_of")


def _label(column: str, value: str | list[str], style: str = "words") -> str:
    return page_naming().text(column, value, style)


def _count(number_of: int, one: str, several: str) -> str:
    return f"{number_of} {one if number_of == 1 else several}"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


_ON_THE_DAY = "as_of = $day"
SUBJECTS = (
    SubjectExplanation(
        "campaign",
        "marketing.campaign_analysis",
        "campaign_id",
        {
            "experiments": "SELECT experiment_id, metric, phase, verdict, rule FROM marketing.experiment_evaluations "
            f"WHERE campaign_id = $subject AND {_ON_THE_DAY} ORDER BY ALL",
            "risks": "SELECT risk_id, risk_type, severity, exposure, due_date FROM marketing.risk_register "
            f"WHERE campaign_id = $subject AND is_open AND {_ON_THE_DAY} ORDER BY rank",
            "recommendations": "SELECT rank, recommendation_id, category, target_id, action, description, net_impact "
            f"FROM marketing.recommendations WHERE campaign_id = $subject AND {_ON_THE_DAY} ORDER BY rank",
        },
        _campaign,
        _branches,
    ),
    SubjectExplanation(
        "experiment",
        "marketing.experiment_evaluations",
        "experiment_id",
        {
            "campaign": f"SELECT campaign_id, name, status FROM marketing.campaign_analysis WHERE {_ON_THE_DAY} "
            "AND campaign_id IN "
            "(SELECT campaign_id FROM marketing.experiment_evaluations WHERE experiment_id = $subject)",
            "arms": f"FROM marketing.experiment_arms WHERE experiment_id = $subject AND {_ON_THE_DAY} ORDER BY arm",
            "recommendations": "SELECT rank, recommendation_id, action, description FROM marketing.recommendations "
            f"WHERE target_id = $subject AND {_ON_THE_DAY} ORDER BY rank",
        },
        _experiment,
        _branches,
    ),
    SubjectExplanation(
        "recommendation",
        "marketing.recommendations",
        "recommendation_id",
        {
            "approval": f"FROM marketing.approval_queue WHERE request_id = $subject AND {_ON_THE_DAY}",
            "ledger": "SELECT entry, kind, as_of AS day, version, run_id, entry_hash FROM audit.marketing_ledger "
            "WHERE recommendation_id = $subject ORDER BY entry",
        },
        _recommendation,
        _branches,
    ),
    SubjectExplanation(
        "budget action",
        "marketing.budget_governance",
        "budget_action_id",
        {
            "campaign": f"SELECT campaign_id, name, status FROM marketing.campaign_analysis WHERE {_ON_THE_DAY} "
            "AND campaign_id IN "
            "(SELECT campaign_id FROM marketing.budget_governance WHERE budget_action_id = $subject)",
            "approval": f"FROM marketing.approval_queue WHERE request_id = $subject AND {_ON_THE_DAY}",
            "risks": f"SELECT risk_id, risk_type, severity, status FROM marketing.risk_register WHERE {_ON_THE_DAY} "
            "AND risk_id IN (SELECT unnest(risk_ids) FROM marketing.budget_governance "
            f"WHERE budget_action_id = $subject AND {_ON_THE_DAY}) ORDER BY risk_id",
        },
        _budget_action,
        _branches,
    ),
)
