"""Sensors that start runs: new files, new approval answers, declarative automation."""

import dagster as dg

from cjo_assets.approvals.decide import families_with_approvals, new_records, newest_day
from cjo_assets.catalog import data_families
from cjo_assets.core.family import Family, deciding_family
from cjo_assets.core.settings import Settings
from cjo_assets.ingest.changes import Seen, looked
from cjo_assets.orchestration.automation import DECLARATIVE, SCHEDULE, Automation
from cjo_assets.orchestration.jobs import job_name
from cjo_assets.orchestration.orphans import UNFINISHED
from cjo_assets.orchestration.partitions import tags_of_days
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.days_of_data import extend_days

AUTOMATION = Automation.from_environment()
WAITING = [dg.DagsterRunStatus.QUEUED, *UNFINISHED]


def new_files(family: Family) -> dg.SensorDefinition:
    """Return the sensor of a family's files."""
    asked_by = {"cjo/asked_by": f"new_files_{family.name}"}

    @dg.sensor(
        name=f"new_files_{family.name}",
        job_name=job_name(family.name),
        minimum_interval_seconds=Settings.sensor_seconds(),
        default_status=AUTOMATION.sensor_status(SCHEDULE, DECLARATIVE),
        description=f"Detects new or changed files of the family {family.name} by content and requests runs of the "
        "days that they affect: the earliest whose rows changed, all later published days, and new days. Runs are "
        "sequential, in order of days.",
    )
    def ask(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = Settings.from_environment()
        seen = looked(family, settings, load_policy(settings.policy), Seen.read(context.cursor))
        if not seen.pending:
            return dg.SensorResult(skip_reason="No file is new or changed.", cursor=seen.written())
        if context.instance.get_run_records(dg.RunsFilter(statuses=WAITING, tags=asked_by), limit=1):
            waiting = f"{len(seen.pending)} ranges of days wait for the current run."
            return dg.SensorResult(skip_reason=waiting, cursor=seen.written())
        first, last = seen.next_days()
        extend_days(settings, family.name, [first, last])
        request = dg.RunRequest(
            run_key=f"{seen.signature} {first} {last}",
            tags=tags_of_days(first, last) | asked_by | {"cjo/reason": seen.reason},
        )
        return dg.SensorResult([request], cursor=seen.without_next().written())

    return ask


def approval_decisions(family: Family) -> dg.SensorDefinition:
    """Return the sensor of the recorded approval answers of a family; that of the deciding one runs unless stopped."""
    is_first = family.name == deciding_family().name

    @dg.sensor(
        name="approval_decisions_sensor" if is_first else f"approval_decisions_sensor_{family.name}",
        job_name=job_name(family.name),
        minimum_interval_seconds=Settings.sensor_seconds(),
        default_status=dg.DefaultSensorStatus.RUNNING if is_first else AUTOMATION.sensor_status(SCHEDULE, DECLARATIVE),
        description="Runs the newest published day again after an approval or rejection was recorded. An answer of a "
        "later day counts from the run of that day on.",
    )
    def answers(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = Settings.from_environment()
        content = new_records(settings, family)
        if content is None or content == context.cursor:
            return dg.SkipReason("There are no new records.")
        day = newest_day(settings, family)
        if day is None:
            return dg.SkipReason("There is no published database yet.")
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=content, tags=tags_of_days(day, day))],
            cursor=content,
        )

    return answers


approval_decisions_sensor = approval_decisions(deciding_family())
downstream = dg.AutomationConditionSensorDefinition(
    "downstream",
    target=dg.AssetSelection.all(),
    default_status=AUTOMATION.sensor_status(DECLARATIVE),
    description="With CJO_AUTOMATION=declarative, updates tables after their inputs, for the latest day only.",
)


@dg.definitions
def sensors() -> dg.Definitions:
    """Return the sensors of files, approval answers and automation."""
    files = [new_files(family) for family in data_families()]
    others = [approval_decisions(family) for family in families_with_approvals()[1:]]
    return dg.Definitions(sensors=[*files, approval_decisions_sensor, *others, downstream])
