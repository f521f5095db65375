"""Practices that helped organizations of an industry, without any of them being named.

One row per as-of date, practice and industry with at least the policy's minimum of opted-in organizations that applied
the practice and have a result, and of opted-in others. The effect is the change of the resolution rate from the days
before the first application to those after it; it is compared with the change of the others on the same days.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import BEFORE_AFTER, MATCHED
from cjo_assets.core.expressions.intervals import mean_interval
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, exact_sum, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.organizations import known_organizations
from cjo_assets.policy.lifecycle import LifecyclePolicy

APPLIED, RESOLVED = "practice_applied", "resolved"
PATTERN = ["practice", "industry"]
ADOPTION = ["practice", "industry", "adopter", "applied_on"]
# A domain or an address of mail.
DOMAIN = r"@|[a-z0-9-]\.[a-z]{2,}"
# A shorter name is part of other words.
LEAST_LETTERS = 4


class VillagePatterns(DatedContract):
    """Effects of practices by industry, of opted-in organizations. One row per as-of date, practice and industry."""

    practice: str = key("Practice.")
    industry: str = key("Industry.")
    adopters: int = column("Organizations that applied it, with a result before and after [organizations].", ge=1)
    others: int = column("Organizations that did not apply it [organizations].", ge=1)
    change: float = column(
        "Mean change of the resolution rate of adopters [-1 to 1], up = better.", ge=-1, le=1, decimals=RATE_DECIMALS
    )
    effect: float = column(
        "Mean of their change less that of the others on the same days; of before_after, the change [-2 to 2].",
        ge=-2,
        le=2,
        decimals=RATE_DECIMALS,
    )
    effect_low: float = column(
        "Lower end of its interval; null where all adopters are alike.", nullable=True, decimals=RATE_DECIMALS
    )
    effect_high: float = column("Upper end of its interval; null likewise.", nullable=True, decimals=RATE_DECIMALS)
    evidence_grade: str = column(
        "matched: compared with others of the industry; before_after: too few of these have a result.",
        isin=[BEFORE_AFTER, MATCHED],
    )


def village_patterns(
    organizations: ir.Table,
    lifecycle_events: ir.Table,
    daily_metrics: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the patterns with enough organizations on either side."""
    rules = policy.village
    members = known_organizations(organizations, as_of).filter(lambda row: row.village_opt_in)
    members = members.select("customer_id", "industry")
    applied = _applications(known_events(lifecycle_events, as_of, APPLIED), members, organizations)
    rates = daily_metrics.filter(daily_metrics.metric == RESOLVED, daily_metrics.metric_day <= as_of)
    changes = _changes(applied, members, rates, as_of, rules.effect_days)
    others = changes.filter(~changes.is_adopter)
    beside = others.group_by(ADOPTION).agg(total=exact_sum(others.change), measured=others.count())
    beside = beside.select(*ADOPTION, "measured", other_change=beside.total / beside.measured)
    rows = lookup(changes.filter(changes.is_adopter).drop("customer_id", "is_adopter"), beside, ADOPTION)
    rows = rows.mutate(is_matched=(rows.measured >= rules.minimum_customers).fill_null(False))
    # Either all adopters of a pattern are compared with others, or none.
    sums = rows.group_by(PATTERN).agg(is_matched=rows.is_matched.all())
    rows = lookup(rows.drop("is_matched"), sums, PATTERN)
    effect = rounded(rows.change - rows.is_matched.ifelse(rows.other_change, 0.0), RATE_DECIMALS)
    rows = rows.mutate(effect=effect, squared=effect * effect)
    found = rows.group_by(PATTERN).agg(
        adopters=rows.count(),
        total_change=exact_sum(rows.change),
        total=exact_sum(rows.effect),
        squares=exact_sum(rows.squared),
        is_matched=rows.is_matched.any(),
    )
    found = lookup(found, _others(applied, members), PATTERN)
    found = found.mutate(change=found.total_change / found.adopters, effect=found.total / found.adopters)
    low, high = mean_interval(found.total, found.squares, found.adopters, rules.interval_level)
    least = rules.minimum_customers
    return found.filter(found.adopters >= least, found.others >= least).mutate(
        effect_low=low, effect_high=high, evidence_grade=found.is_matched.ifelse(MATCHED, BEFORE_AFTER)
    )


def _applications(events: ir.Table, members: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return the first application of each practice by each member, of practices and industries that name no client."""
    rows = events.join(members, "customer_id").rename(practice="about")
    first = rows.group_by("practice", "industry", adopter="customer_id").agg(applied_at=rows.occurred_at.min())
    texts = ibis.union(first.select(text="practice"), first.select(text="industry"), distinct=True)
    named = naming_texts(texts, organizations)
    is_anonymous = first.practice.notin(named.text) & first.industry.notin(named.text)
    return first.filter(is_anonymous).select(*PATTERN, "adopter", applied_on=lambda row: row.applied_at.date())


def naming_texts(texts: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return the texts that contain the name or the id of an organization, or a domain."""
    letters = _letters(organizations.name)
    names = organizations.select(letters=letters, number=organizations.customer_id.lower())
    pairs = texts.left_join(names, ibis.literal(True))
    words = pairs.text.lower().re_split("[^a-z0-9]+")
    has_name = (pairs.letters.length() >= LEAST_LETTERS) & _letters(pairs.text).contains(pairs.letters)
    is_domain = pairs.text.lower().re_search(DOMAIN)
    return pairs.filter(has_name.fill_null(False) | words.contains(pairs.number).fill_null(False) | is_domain).select(
        "text"
    )


def _letters(text: ir.StringValue) -> ir.StringValue:
    return text.lower().re_replace("[^a-z0-9]+", "")


def _changes(applied: ir.Table, members: ir.Table, rates: ir.Table, as_of: ir.DateScalar, days: int) -> ir.Table:
    """Return the change of the resolution rate around each whole application, of its adopter and of others.

    Returns:
        One row per application and member of the industry with a rate before and after: `ADOPTION`, customer_id,
        is_adopter, change. Others applied the practice never.
    """
    whole = applied.filter(days_after(applied.applied_on, days - 1) <= as_of)
    pairs = whole.join(members, "industry")
    pairs = pairs.mutate(is_adopter=pairs.adopter == pairs.customer_id)
    users = applied.select("practice", customer_id="adopter").distinct()
    others = pairs.filter(~pairs.is_adopter).anti_join(users, ["practice", "customer_id"])
    pairs = ibis.union(pairs.filter(pairs.is_adopter), others)
    rows = pairs.join(rates.select("customer_id", "metric_day", "numerator", "denominator"), "customer_id")
    place = rows.metric_day.delta(rows.applied_on, unit="day")
    rows = rows.mutate(place=place).filter(lambda row: row.place.between(-days, days - 1))
    is_before = rows.place < 0
    sums = rows.group_by([*ADOPTION, "customer_id", "is_adopter"]).agg(
        before=rows.numerator.sum(where=is_before) / rows.denominator.sum(where=is_before).nullif(0),
        after=rows.numerator.sum(where=~is_before) / rows.denominator.sum(where=~is_before).nullif(0),
    )
    sums = sums.filter(sums.before.notnull(), sums.after.notnull())
    return sums.select(*ADOPTION, "customer_id", "is_adopter", change=rounded(sums.after - sums.before, RATE_DECIMALS))


def _others(applied: ir.Table, members: ir.Table) -> ir.Table:
    """Return how many members of the industry did not apply a practice."""
    size = members.group_by("industry").agg(members=members.count())
    users = applied.group_by(PATTERN).agg(users=applied.count())
    rows = lookup(users, size, "industry")
    return rows.select(*PATTERN, others=rows.members - rows.users)


@check(blocking=True)
def patterns_that_name_an_organization(village_patterns: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return texts of patterns that contain the name or the id of an organization, or a domain."""
    rows = village_patterns
    texts = ibis.union(rows.select(text="practice"), rows.select(text="industry"), distinct=True)
    return naming_texts(texts, organizations).distinct()


@check(blocking=True)
def patterns_of_too_few(village_patterns: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return patterns with fewer organizations on a side than the policy requires."""
    least = policy.village.minimum_customers
    rows = village_patterns.filter((village_patterns.adopters < least) | (village_patterns.others < least))
    return rows.select(*PATTERN, "adopters", "others")
