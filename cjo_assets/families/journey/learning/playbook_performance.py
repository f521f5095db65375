"""What every playbook has achieved, what it is expected to be worth, and what a person should consider doing with it.

One row per as-of date, playbook and segment, "All" included. Runs, successes, cost and value are those of one
population: what was carried out and measured by the end of the day, joined by intervention. Value is earned by success
alone: expected_net_value = success_rate * avg_value - avg_cost.

Small numbers are shrunk. All segments together start from the rate of all playbooks (of the policy, as long as few were
used) and the playbook's own estimates, and what an earlier system logged counts as runs, at the policy's discount. A
segment starts from what is known of the others, which weighs at most `segment_prior_runs`. Advice changes no playbook;
a person does.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, TextList, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.families.journey.inputs.approval_decisions import APPROVED, REJECTED
from cjo_assets.families.journey.inputs.playbook_performance_log import logged_runs
from cjo_assets.families.journey.interventions._ledger import AUTO_APPROVER
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT, with_success
from cjo_assets.families.journey.learning._experience import existing_playbooks, over_segments
from cjo_assets.families.journey.learning._playbook_estimates import KEYS, playbook_estimates
from cjo_assets.policy import Policy
from cjo_assets.policy.journey import Learning

PRIOR, SPARSE, ESTABLISHED = "prior", "sparse", "established"
EVIDENCE = [PRIOR, SPARSE, ESTABLISHED]
PROMOTE, KEEP, REVIEW, RETIRE = "promote", "keep", "review", "retire"
ADVICE = [PROMOTE, KEEP, REVIEW, RETIRE]
SURE_LOSS = "net_value_surely_negative"
OFTEN_OVERRULED = "people_overrule_it_often"
HARMFUL = "customers_left_alone_fare_better"
LIKELY_LOSS = "net_value_negative"
PROVEN = "randomised_gain_and_net_value_surely_positive"
TOO_FEW_RUNS = "too_few_measured_runs"
NOTHING_PROVEN = "nothing_proven_either_way"
ADVICE_RULES = [SURE_LOSS, OFTEN_OVERRULED, HARMFUL, LIKELY_LOSS, PROVEN, TOO_FEW_RUNS, NOTHING_PROVEN]


class PlaybookPerformance(DatedContract):
    """Experience with playbooks. One row per as-of date, playbook and segment."""

    playbook_id: str = key("Playbook.")
    segment: str = key("Market segment, or All.")
    runs: int = column("Interventions carried out [runs].", ge=0)
    measured_runs: int = column("Those with an outcome [runs].", ge=0)
    successes: int = column("Those that succeeded [runs].", ge=0)
    log_runs: int = column("Runs of an earlier system that count as prior [runs].", ge=0)
    raw_success_rate: float = column("successes over measured_runs [0-1]; null without any.", ge=0, le=1, nullable=True)
    success_rate: float = column("The same, shrunk [0-1], up = better.", ge=0, le=1)
    success_rate_low: float = column("Lower end of its interval [0-1].", ge=0, le=1)
    success_rate_high: float = column("Upper end of its interval [0-1].", ge=0, le=1)
    prior_success_rate: float = column("Rate that it is drawn to: of all playbooks, or the policy's [0-1].", ge=0, le=1)
    prior_runs: float = column("What that weighs [runs].", ge=0)
    avg_cost: float = column("Recorded cost of a run, shrunk to the playbook's estimate [currency].", ge=0)
    avg_value: float = column("Value of one success, shrunk to the middle of the playbook's range [currency].")
    avg_expected_value: float = column(
        "Value promised when the measured runs were decided [currency]; null where nobody said.", nullable=True
    )
    avg_resolution_days: float = column("Days to resolution [days]; null if none was resolved.", ge=0, nullable=True)
    refusals: int = column("Requests that people refused [requests].", ge=0)
    refusal_categories: TextList = column("How many of them give which category; one without counts in none.")
    override_rate: float = column(
        "Refusals and overridden runs over all that people judged [0-1]; null if none.", ge=0, le=1, nullable=True
    )
    expected_net_value: float = column("success_rate * avg_value - avg_cost [currency per run], up = better.")
    net_value_lower_bound: float = column("Lower end of its interval [currency per run].")
    net_value_upper_bound: float = column("Upper end of its interval [currency per run].")
    evidence: str = column("prior: nothing measured; sparse; established.", isin=EVIDENCE)
    advice: str = column("promote, keep, review or retire; for a person to decide.", isin=ADVICE)
    advice_rule: str = column("Rule that gave it.", isin=ADVICE_RULES)


def playbook_performance(
    intervention_ledger: ir.Table,
    playbooks: ir.Table,
    playbook_performance_log: ir.Table,
    treatment_effects: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Sum up the runs of each playbook and segment, shrink what is small, and advise."""
    rules = policy.journey.learning
    existing = existing_playbooks(playbooks, as_of)
    existing = existing.select(
        "playbook_id",
        usual_cost="avg_cost_estimate",
        lowest_value=existing.expected_value_range[0],
        highest_value=existing.expected_value_range[1],
    )
    sums = over_segments(existing, _sums(with_success(intervention_ledger, policy), existing, policy), policy)
    logged = logged_runs(playbook_performance_log, as_of, rules.use_performance_log)
    rows = _facts(sums, policy).join(playbook_estimates(sums, logged, rules), KEYS)
    rows = _with_effects(rows, treatment_effects)
    rows = rows.mutate(
        override_rate=rounded((rows.overruled + rows.log_overrides) / (rows.judged + rows.log_judged).nullif(0)),
        evidence=ibis.cases(
            (rows.measured_runs == 0, PRIOR),
            (rows.measured_runs < rules.established_runs, SPARSE),
            else_=ESTABLISHED,
        ),
    )
    rows = _with_advice(rows, rules)
    return rows.select(*(name for name in PlaybookPerformance.to_schema().columns if name != "as_of"))


def _sums(known: ir.Table, existing: ir.Table, policy: Policy) -> ir.Table:
    """Add up, per playbook and segment, what is known of it: counts, and amounts over the measured runs."""
    rows = known.join(existing, "playbook_id")
    is_refused = (rows.approval_status == REJECTED) & (rows.decided_by != AUTO_APPROVER)
    middle = (rows.lowest_value + rows.highest_value) / 2
    rows = rows.mutate(
        is_refused=is_refused,
        category=is_refused.ifelse(rows.category, ibis.null("string")),
        # What a success brought beyond the middle of the range; unknown, not 0, where nobody estimated it.
        surplus=rows.is_success.ifelse(rows.estimated_revenue_saved - middle, ibis.null("float64")),
    )
    is_measured = rows.is_measured
    is_approved = (rows.approval_status == APPROVED) & (rows.decided_by != AUTO_APPROVER)
    is_overridden = is_measured & rows.human_override.fill_null(False)
    return rows.group_by("playbook_id", "segment").agg(
        runs=rows.count(where=rows.is_executed),
        measured_runs=rows.count(where=is_measured),
        successes=rows.count(where=rows.is_success),
        # What our own decisions expected is no observation of a cost.
        costed=rows.stated_cost.count(where=is_measured),
        cost=rows.stated_cost.sum(where=is_measured),
        valued=rows.surplus.count(),
        surplus=rows.surplus.sum(),
        squared_surplus=(rows.surplus**2).sum(),
        promised=rows.expected_value.count(where=is_measured),
        promised_value=rows.expected_value.sum(where=is_measured),
        resolved=rows.resolution_time_days.count(where=is_measured),
        resolution_days=rows.resolution_time_days.sum(where=is_measured),
        refusals=rows.count(where=rows.is_refused),
        overridden=rows.count(where=is_overridden),
        judged=rows.count(where=rows.is_refused | is_approved | (is_measured & rows.human_override.notnull())),
        **{
            f"refused_{category}": rows.count(where=rows.category == category)
            for category in policy.journey.approval.rejection_categories
        },
    )


def _facts(sums: ir.Table, policy: Policy) -> ir.Table:
    """Return what is counted and not estimated."""
    categories = [
        (number > 0).ifelse(ibis.literal(f"{name} ").concat(number.cast("string")), ibis.null("string"))
        for name in sorted(policy.journey.approval.rejection_categories)
        for number in [sums[f"refused_{name}"].cast("int64")]
    ]
    return sums.select(
        *KEYS,
        "runs",
        "measured_runs",
        "successes",
        "refusals",
        "judged",
        overruled=sums.overridden + sums.refusals,
        raw_success_rate=rounded(sums.successes / sums.measured_runs.nullif(0)),
        avg_expected_value=rounded(sums.promised_value / sums.promised.nullif(0), MONEY_DECIMALS),
        avg_resolution_days=rounded(sums.resolution_days / sums.resolved.nullif(0)),
        refusal_categories=ibis.array(categories).filter(lambda text: text.notnull()),
    )


def _with_effects(rows: ir.Table, treatment_effects: ir.Table) -> ir.Table:
    """Add whether comparisons show a gain or a harm, of the segment itself or of all together.

    Only a comparison by chance can show a gain: who is refused is no chance, and praise should not rest on that.
    """
    effects = treatment_effects.group_by("playbook_id", "segment").agg(
        own_gain=((treatment_effects.always_valid_low > 0) & (treatment_effects.control == HELD_OUT)).any(),
        own_harm=(treatment_effects.always_valid_high < 0).any(),
    )
    rows = rows.left_join(effects, KEYS).drop(*(f"{name}_right" for name in KEYS))
    per_playbook = ibis.window(group_by=rows.playbook_id)

    def shown(own: ir.BooleanValue) -> ir.BooleanValue:
        of_all = own.any(where=rows.segment == ANY_SEGMENT).over(per_playbook)
        return own.fill_null(False) | of_all.fill_null(False)

    return rows.mutate(shows_gain=shown(rows.own_gain), shows_harm=shown(rows.own_harm))


def _with_advice(rows: ir.Table, rules: Learning) -> ir.Table:
    """Add the first rule that applies, and the advice it gives: doubts go before praise."""
    is_established = rows.evidence == ESTABLISHED
    advice = {
        SURE_LOSS: (RETIRE, is_established & (rows.net_value_upper_bound < 0)),
        OFTEN_OVERRULED: (
            REVIEW,
            (rows.judged >= rules.established_runs) & (rows.override_rate >= rules.review_override_rate),
        ),
        HARMFUL: (REVIEW, rows.shows_harm),
        LIKELY_LOSS: (REVIEW, rows.expected_net_value < 0),
        PROVEN: (PROMOTE, is_established & (rows.net_value_lower_bound > 0) & rows.shows_gain),
        TOO_FEW_RUNS: (KEEP, ~is_established),
    }
    rows = rows.mutate(
        advice_rule=ibis.cases(*((applies, rule) for rule, (_, applies) in advice.items()), else_=NOTHING_PROVEN)
    )
    return rows.mutate(advice=rows.advice_rule.cases(*((rule, what) for rule, (what, _) in advice.items()), else_=KEEP))


@check(blocking=True)
def runs_that_do_not_add_up(playbook_performance: ir.Table) -> ir.Table:
    """Find playbooks with more successes than measured runs, more of these than runs, or sums that "All" denies."""
    rows = playbook_performance
    is_all = rows.segment == ANY_SEGMENT
    sums = rows.group_by("playbook_id").agg(
        **{
            f"other_{name}": rows[name].sum(where=is_all) - rows[name].sum(where=~is_all).fill_null(0)
            for name in ("runs", "measured_runs", "successes", "refusals")
        }
    )
    nested = rows.filter((rows.successes > rows.measured_runs) | (rows.measured_runs > rows.runs))
    apart = sums.filter(
        (sums.other_runs != 0)
        | (sums.other_measured_runs != 0)
        | (sums.other_successes != 0)
        | (sums.other_refusals != 0)
    )
    return ibis.union(nested.select("playbook_id"), apart.select("playbook_id"), distinct=True)
