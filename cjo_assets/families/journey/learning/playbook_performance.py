"""Results of every playbook, its expected value, and advice on its use.

One row per as-of date, playbook and segment, "All" included. Runs, successes, cost and value are those of one
population: the interventions executed and measured by the end of the day. Only a success has value: expected_net_value
= success_rate * avg_value - avg_cost.

Estimates from few runs are shrunk. "All" is shrunk to the rate of all playbooks (of the policy, while few were used)
and to the playbook's own estimates; runs of an earlier system count at the policy's discount. A segment is shrunk to
the estimate of the other segments, which weighs at most `segment_prior_runs`. Advice changes no playbook; a person
does.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.checks import check
from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, TextList, any_of, column, key
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import lookup
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
ADVICE_OF_RULE = {
    SURE_LOSS: RETIRE,
    OFTEN_OVERRULED: REVIEW,
    HARMFUL: REVIEW,
    LIKELY_LOSS: REVIEW,
    PROVEN: PROMOTE,
    TOO_FEW_RUNS: KEEP,
}
ADVICE_RULES = [SURE_LOSS, OFTEN_OVERRULED, HARMFUL, LIKELY_LOSS, PROVEN, TOO_FEW_RUNS, NOTHING_PROVEN]


class PlaybookPerformance(DatedContract):
    """Experience with playbooks. One row per as-of date, playbook and segment."""

    playbook_id: str = key("Playbook.")
    segment: str = key("Market segment, or All.")
    is_all_segments: bool = column("Whether the row is that of all segments, which sums over segments must leave out.")
    runs: int = column("Interventions carried out [runs].", ge=0)
    measured_runs: int = column("Those with an outcome [runs].", ge=0)
    successes: int = column("Those that succeeded [runs].", ge=0)
    log_runs: int = column("Runs of an earlier system that count as prior [runs].", ge=0)
    raw_success_rate: float = column(
        "successes over measured_runs [0-1]; null without any.", decimals=6, ge=0, le=1, nullable=True
    )
    success_rate: float = column("The same, shrunk [0-1], up = better.", decimals=6, ge=0, le=1)
    success_rate_low: float = column("Lower end of its interval [0-1].", decimals=6, ge=0, le=1)
    success_rate_high: float = column("Upper end of its interval [0-1].", decimals=6, ge=0, le=1)
    prior_success_rate: float = column(
        "Rate that it is drawn to: of all playbooks, or the policy's [0-1].", decimals=6, ge=0, le=1
    )
    prior_runs: float = column("What that weighs [runs].", decimals=6, ge=0)
    avg_cost: float = column("Recorded cost of a run, shrunk to the playbook's estimate [currency].", decimals=2, ge=0)
    avg_value: float = column(
        "Value of one success, shrunk to the middle of the playbook's range [currency].", decimals=2
    )
    avg_expected_value: float = column(
        "Value expected when the measured runs were decided [currency]; null where not recorded.",
        decimals=2,
        nullable=True,
    )
    avg_resolution_days: float = column(
        "Days to resolution [days]; null if none was resolved.", decimals=6, ge=0, nullable=True
    )
    refusals: int = column("Requests that people refused [requests].", ge=0)
    refusal_categories: TextList = column("How many of them give which category; one without counts in none.")
    override_rate: float = column(
        "Rejected and overridden runs over all that people decided on [0-1]; null if none.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    expected_net_value: float = column(
        "success_rate * avg_value - avg_cost [currency per run], up = better.", decimals=2
    )
    net_value_lower_bound: float = column("Lower end of its interval [currency per run].", decimals=2)
    net_value_upper_bound: float = column("Upper end of its interval [currency per run].", decimals=2)
    evidence: str = column("prior: nothing measured; sparse; established.", isin=EVIDENCE)
    advice: str = column("promote, keep, review or retire; for a person to decide.", isin=ADVICE)
    advice_rule: str = column("Rule that gave it.", isin=ADVICE_RULES)


def playbook_performance(
    intervention_ledger: ir.Table,
    playbooks: ir.Table,
    playbook_performance_log: ir.Table,
    treatment_effects: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Add up the runs of each playbook and segment, estimate its value, and advise."""
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
    estimated = _facts(sums, policy).join(playbook_estimates(sums, logged, rules), KEYS)
    estimated = _with_effects(estimated, treatment_effects)
    judged = (estimated.judged + estimated.log_judged).nullif(0)
    estimated = estimated.mutate(
        is_all_segments=estimated.segment == ANY_SEGMENT,
        # Rounded before the policy's limit is compared with it.
        override_rate=rounded((estimated.overruled + estimated.log_overrides) / judged),
        evidence=ibis.cases(
            (estimated.measured_runs == 0, PRIOR),
            (estimated.measured_runs < rules.established_runs, SPARSE),
            else_=ESTABLISHED,
        ),
    )
    return _with_advice(estimated, rules)


def _sums(known: ir.Table, existing: ir.Table, policy: Policy) -> ir.Table:
    """Add up counts, and amounts over the measured runs, per playbook and segment."""
    uses = known.join(existing, "playbook_id")
    is_refused = (uses.approval_status == REJECTED) & (uses.decided_by != AUTO_APPROVER)
    middle = (uses.lowest_value + uses.highest_value) / 2
    uses = uses.mutate(
        is_refused=is_refused,
        category=is_refused.ifelse(uses.category, ibis.null("string")),
        # Value of a success beyond the middle of the range; unknown, not 0, without an estimate.
        surplus=uses.is_success.ifelse(uses.estimated_revenue_saved - middle, ibis.null("float64")),
    )
    is_measured = uses.is_measured
    is_approved = (uses.approval_status == APPROVED) & (uses.decided_by != AUTO_APPROVER)
    is_overridden = is_measured & uses.human_override.fill_null(False)
    return uses.group_by("playbook_id", "segment").agg(
        runs=uses.count(where=uses.is_executed),
        measured_runs=uses.count(where=is_measured),
        successes=uses.count(where=uses.is_success),
        # Only costs that a source recorded; the expectation of our own decisions is no observation.
        costed=uses.stated_cost.count(where=is_measured),
        cost=uses.stated_cost.sum(where=is_measured),
        valued=uses.surplus.count(),
        surplus=uses.surplus.sum(),
        squared_surplus=(uses.surplus**2).sum(),
        promised=uses.expected_value.count(where=is_measured),
        promised_value=uses.expected_value.sum(where=is_measured),
        resolved=uses.resolution_time_days.count(where=is_measured),
        resolution_days=uses.resolution_time_days.sum(where=is_measured),
        refusals=uses.count(where=uses.is_refused),
        overridden=uses.count(where=is_overridden),
        judged=uses.count(where=uses.is_refused | is_approved | (is_measured & uses.human_override.notnull())),
        **{
            f"refused_{category}": uses.count(where=uses.category == category)
            for category in policy.journey.approval.rejection_categories
        },
    )


def _facts(sums: ir.Table, policy: Policy) -> ir.Table:
    """Return the columns that are counted, not estimated."""
    refused = {
        name: sums[f"refused_{name}"].cast("int64") for name in sorted(policy.journey.approval.rejection_categories)
    }
    categories = [
        (number > 0).ifelse(sentence(f"{name} {{}}", number), ibis.null("string")) for name, number in refused.items()
    ]
    return sums.select(
        *KEYS,
        "runs",
        "measured_runs",
        "successes",
        "refusals",
        "judged",
        overruled=sums.overridden + sums.refusals,
        raw_success_rate=sums.successes / sums.measured_runs.nullif(0),
        avg_expected_value=sums.promised_value / sums.promised.nullif(0),
        avg_resolution_days=sums.resolution_days / sums.resolved.nullif(0),
        refusal_categories=ibis.array(categories).filter(lambda text: text.notnull()),
    )


def _with_effects(estimated: ir.Table, treatment_effects: ir.Table) -> ir.Table:
    """Add whether comparisons show a gain or a harm, of the segment itself or of all together.

    Only a randomised comparison can show a gain: rejections by people are not random.
    """
    effects = treatment_effects.group_by("playbook_id", "segment").agg(
        own_gain=((treatment_effects.always_valid_low > 0) & (treatment_effects.control == HELD_OUT)).any(),
        own_harm=(treatment_effects.always_valid_high < 0).any(),
    )
    compared = lookup(estimated, effects, KEYS)
    per_playbook = ibis.window(group_by=compared.playbook_id)

    def shown(own: ir.BooleanValue) -> ir.BooleanValue:
        of_all = own.any(where=compared.segment == ANY_SEGMENT).over(per_playbook)
        return own.fill_null(False) | of_all.fill_null(False)

    return compared.mutate(shows_gain=shown(compared.own_gain), shows_harm=shown(compared.own_harm))


def _with_advice(estimated: ir.Table, rules: Learning) -> ir.Table:
    """Add the first rule that applies, and the advice it gives; rules of doubt come before those of praise."""
    is_established = estimated.evidence == ESTABLISHED
    is_overruled = estimated.override_rate >= rules.review_override_rate
    conditions = {
        SURE_LOSS: is_established & (estimated.net_value_upper_bound < 0),
        OFTEN_OVERRULED: (estimated.judged >= rules.established_runs) & is_overruled,
        HARMFUL: estimated.shows_harm,
        LIKELY_LOSS: estimated.expected_net_value < 0,
        PROVEN: is_established & (estimated.net_value_lower_bound > 0) & estimated.shows_gain,
        TOO_FEW_RUNS: ~is_established,
    }
    advised = estimated.mutate(
        advice_rule=ibis.cases(*((applies, rule) for rule, applies in conditions.items()), else_=NOTHING_PROVEN)
    )
    return advised.mutate(advice=advised.advice_rule.cases(*ADVICE_OF_RULE.items(), else_=KEEP))


@check(blocking=True)
def runs_that_do_not_add_up(playbook_performance: ir.Table) -> ir.Table:
    """Return playbooks with successes > measured runs > runs, or whose row "All" is not the sum of the segments."""
    known = playbook_performance
    is_all = known.segment == ANY_SEGMENT
    counts = ("runs", "measured_runs", "successes", "refusals")
    gaps = known.group_by("playbook_id").agg(
        **{name: known[name].sum(where=is_all) - known[name].sum(where=~is_all).fill_null(0) for name in counts}
    )
    not_nested = known.filter((known.successes > known.measured_runs) | (known.measured_runs > known.runs))
    not_the_sum = gaps.filter(any_of(gaps[name] != 0 for name in counts))
    return ibis.union(not_nested.select("playbook_id"), not_the_sum.select("playbook_id"), distinct=True)
