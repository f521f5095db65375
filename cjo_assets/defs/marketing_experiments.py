"""The tables of experiments: what each arm did, and what follows."""

from cjo_assets.core.table import Audit, Table
from cjo_assets.families.marketing.experiments import experiment_arms, experiment_evaluations


def experiments_tables(schema: str) -> list[Table]:
    """Return the tables, in reading order."""
    return [
        Table(
            schema,
            "experiment_arms",
            experiment_arms.ExperimentArms,
            experiment_arms.experiment_arms,
            "experiments",
            (Audit(experiment_arms.snapshots_outside_experiment),),
        ),
        Table(
            schema,
            "experiment_evaluations",
            experiment_evaluations.ExperimentEvaluations,
            experiment_evaluations.experiment_evaluations,
            "experiments",
            (
                Audit(experiment_evaluations.verdicts_against_their_interval, is_blocking=True),
                Audit(experiment_evaluations.experiments_not_evaluated, is_blocking=True),
                Audit(experiment_evaluations.sample_ratio_mismatches),
                Audit(experiment_evaluations.shown_in_idle_campaigns),
                Audit(experiment_evaluations.shown_though_planned),
            ),
        ),
    ]
