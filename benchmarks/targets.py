"""Targets of the benchmark: which ratio is to be at most, or at least, which value."""

from __future__ import annotations

from dataclasses import dataclass

# The base of targets that compare this commit with an earlier one.
EARLIER = "earlier commit"
CHECKS = "checks and quarantine"
INSTALLING = "installing"
FIRST_RUN = "first_run"
SECOND_RUN = "second_run"
TESTS = "tests"
FURTHER_DAY = "further_day"
BACKFILL = "backfill"


@dataclass(frozen=True)
class Target:
    """A bound of a ratio within one round on one machine.

    Attributes:
        measured: the numerator: a contender, a part of the platform, or a measure of a commit.
        base: the denominator: a contender, or EARLIER for the same measure of the earlier commit.
        limit: the bound.
        customers: number of customers that it holds at; None on the sample data.
        stretch: a bound beyond the limit that is worth reaching; None without one.
        is_lower: whether the ratio is to be at least the limit, instead of at most.
    """

    measured: str
    base: str
    limit: float
    customers: int | None = None
    stretch: float | None = None
    is_lower: bool = False

    @property
    def words(self) -> str:
        """The bound in words."""
        stretch = "" if self.stretch is None else f" (stretch {self.stretch:g})"
        return f"at {'least' if self.is_lower else 'most'} {self.limit:g}{stretch}"

    def verdict(self, value: float) -> str:
        """Return whether a measured ratio holds the target or misses it."""
        return "holds" if (value >= self.limit if self.is_lower else value <= self.limit) else "**missed**"


TARGETS = (
    Target(FIRST_RUN, EARLIER, 0.55),
    Target(SECOND_RUN, EARLIER, 0.35),
    Target(FURTHER_DAY, EARLIER, 0.15),
    Target(INSTALLING, EARLIER, 0.20),
    Target(TESTS, EARLIER, 0.50),
    Target("transforms", "sql", 1.1, 1_000_000),
    Target("platform", "sql", 1.5, 1_000_000, stretch=1.2),
    Target("platform", "dbt", 1.0, 100_000),
    Target("platform", "dbt", 1.0, 1_000_000),
    Target("platform", "sqlmesh", 1.0, 100_000),
    Target("platform", "sqlmesh", 1.0, 1_000_000),
    Target("loops", "platform", 15.0, 100_000, is_lower=True),
    Target(CHECKS, "platform", 0.30, 1_000_000),
)
# Bound of the exponent by which the cost of every contender grows with the rows.
GROWTH = Target("cost", "rows", 1.05)
# One day of the lifecycle at 10,000 organizations, in absolute units.
LIFECYCLE_SECONDS = Target("seconds", "", 300)
LIFECYCLE_GIB = Target("peak memory", "", 6)

# A day of a home with many days, against the same day of a home with few.
DAY_GROWTH = Target("day", "new home", 1.2)

# A lookup of one customer in a published database.
LOOKUP_MS = Target("95th percentile", "", 50)


def target_of(measured: str, base: str = EARLIER) -> Target | None:
    """Return the first target of a ratio, if there is one."""
    return next((target for target in TARGETS if (target.measured, target.base) == (measured, base)), None)
