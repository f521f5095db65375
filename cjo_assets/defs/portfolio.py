"""The tables that add the journey up: the portfolio, conformance, activity, and what to do next."""

from cjo_assets.core.dataset import Dataset
from cjo_assets.core.table import QUARANTINE, Audit, Reference, Table, given_inputs
from cjo_assets.families.journey.portfolio import (
    next_steps,
    playbook_activity,
    portfolio_by_segment,
    portfolio_by_stage,
    portfolio_cells,
    portfolio_snapshots,
    rejections_by_rule,
)
from cjo_assets.families.journey.process import conformance, path_variants, stage_flows, stage_throughput, visits


def portfolio_tables(schema: str, datasets: tuple[Dataset, ...]) -> list[Table]:
    """Return the tables, in reading order, given the family's schema and datasets."""
    return [
        Table(
            schema,
            "portfolio_cells",
            portfolio_cells.PortfolioCells,
            portfolio_cells.portfolio_cells,
            "portfolio",
            (
                Audit(portfolio_cells.cells_that_miss_customers, is_blocking=True),
                Audit(portfolio_cells.cells_that_miss_revenue, is_blocking=True),
            ),
        ),
        Table(
            schema,
            "portfolio_by_segment",
            portfolio_by_segment.PortfolioBySegment,
            portfolio_by_segment.portfolio_by_segment,
            "portfolio",
        ),
        Table(
            schema,
            "portfolio_by_stage",
            portfolio_by_stage.PortfolioByStage,
            portfolio_by_stage.portfolio_by_stage,
            "portfolio",
        ),
        Table(
            schema,
            "portfolio_snapshots",
            portfolio_snapshots.PortfolioSnapshots,
            portfolio_snapshots.portfolio_snapshots,
            "portfolio",
            (
                Audit(portfolio_snapshots.segments_that_do_not_sum, is_blocking=True),
                Audit(portfolio_snapshots.stages_that_do_not_sum, is_blocking=True),
            ),
            remembered=portfolio_snapshots.REMEMBERED,
        ),
        Table(schema, "visits", visits.Visits, visits.visits, "portfolio"),
        Table(schema, "path_variants", path_variants.PathVariants, path_variants.path_variants, "portfolio"),
        Table(schema, "conformance", conformance.Conformance, conformance.conformance, "portfolio"),
        Table(
            schema, "stage_throughput", stage_throughput.StageThroughput, stage_throughput.stage_throughput, "portfolio"
        ),
        Table(schema, "stage_flows", stage_flows.StageFlows, stage_flows.stage_flows, "portfolio"),
        Table(
            schema,
            "playbook_activity",
            playbook_activity.PlaybookActivity,
            playbook_activity.playbook_activity,
            "portfolio",
            (Audit(playbook_activity.weeks_that_do_not_sum, is_blocking=True),),
        ),
        Table(
            schema,
            "rejections_by_rule",
            rejections_by_rule.RejectionsByRule,
            given_inputs(
                rejections_by_rule.rejections_by_rule,
                {f"quarantined_{dataset.name}": Reference(QUARANTINE, dataset.name) for dataset in datasets},
            ),
            "portfolio",
        ),
        Table(schema, "next_steps", next_steps.NextSteps, next_steps.next_steps, "portfolio"),
    ]
