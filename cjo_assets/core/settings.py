"""Paths of a run: its data, policy and output, and the environment variables that set them."""

import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

PROJECT = Path(__file__).resolve().parents[2]
SENSOR_SECONDS = 15
DUCKDB, SPARK = "duckdb", "spark"
# Schema and table of the list of Parquet folders that a home computed by Spark keeps in its build database.
LAKE = "lake"
LAKE_PARTS = f"{LAKE}.parts"
# Tables of the lake whose folders are to be converted to the columns of their contracts.
LAKE_CHANGED = f"{LAKE}.changed"
LOCAL_MASTER = "local[*]"
# Folder of the home with the files that a family writes for others.
EXCHANGE = "exchange"
# Folder in the reports of a family with pages on one subject each.
REVIEWS = "reviews"


@dataclass(frozen=True)
class Settings:
    """The paths of one run.

    Attributes:
        data: folder of the input files, or of one folder per family.
        policy: policy file that changes the packaged one; None for the packaged one alone.
        home: folder for everything computed.
        engine: program that computes the tables.
        spark_master: where Spark computes them.
        lake: folder or URL of the tables that Spark computes; empty for the home's own.
    """

    data: Path
    policy: Path | None
    home: Path
    engine: str = DUCKDB
    spark_master: str = LOCAL_MASTER
    lake: str = ""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read CJO_DATA, CJO_POLICY, CJO_HOME and the engine; what is not set is the project's own."""
        policy = os.environ.get("CJO_POLICY")
        return cls(
            data=Path(os.environ.get("CJO_DATA") or PROJECT / "data").resolve(),
            policy=Path(policy).resolve() if policy else None,
            home=Path(os.environ.get("CJO_HOME") or PROJECT / "warehouse").resolve(),
            engine=os.environ.get("CJO_ENGINE") or DUCKDB,
            spark_master=os.environ.get("CJO_SPARK_MASTER") or LOCAL_MASTER,
            lake=os.environ.get("CJO_SPARK_LAKE") or "",
        )

    @staticmethod
    def sensor_seconds() -> int:
        """Read CJO_SENSOR_SECONDS: the interval between two evaluations of a sensor [seconds]."""
        return int(os.environ.get("CJO_SENSOR_SECONDS") or SENSOR_SECONDS)

    @property
    def tables(self) -> str:
        """URL of the folder in which Spark keeps its tables."""
        return self.lake if "://" in self.lake else Path(self.lake or self.home / "lake").as_uri()

    @property
    def build(self) -> Path:
        """Database that runs write."""
        return self.home / "build.duckdb"

    @property
    def published(self) -> Path:
        """Database that analysts open."""
        return self.home / "cjo.duckdb"

    @property
    def exchange(self) -> Path:
        """Folder of the files that a family writes for others."""
        return self.home / EXCHANGE

    @property
    def lock(self) -> Path:
        """File whose lock shows that a run is writing."""
        return self.home / "warehouse.lock"

    @property
    def lives(self) -> Path:
        """Folder of the locks of the runs that are alive."""
        return self.home / "running"

    @property
    def inputs(self) -> Path:
        """Archive of every file ever read, by content."""
        return self.home / "inputs"

    @property
    def compiled(self) -> Path:
        """Folder of the compiled statements: CJO_COMPILED, or the home's own."""
        return Path(os.environ.get("CJO_COMPILED") or self.home / "compiled")

    @property
    def reports(self) -> Path:
        """Folder of the reports: their home, a folder per family with one per as-of date, and `latest`."""
        return self.home / "reports"

    def report_of(self, family: str, as_of: date) -> Path:
        """Return the folder of a family's report of a day."""
        return self.reports / family / as_of.isoformat()

    def review_of(self, family: str, quarter: date, subject: str) -> Path:
        """Return the folder of the page on a quarter of one subject; its last part names the subject."""
        name = f"{quarter.year}Q{quarter.month // 3 + 1}"
        return self.reports / family / REVIEWS / name / quote(subject, safe="")


def places_of(home: Path | None, policy: Path | None = None) -> Settings:
    """Return the paths of a command, whether or not home and policy are given."""
    settings = Settings.from_environment()
    said: dict[str, Any] = {name: path.resolve() for name, path in (("home", home), ("policy", policy)) if path}
    return replace(settings, **said)
