"""The Dagster instance of a home: folder, configuration and environment."""

import os
from pathlib import Path

import yaml

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.files import replacing
from cjo_assets.core.settings import PROJECT, Settings

INSTANCE_FILE = "dagster.yaml"
# Selects another dagster.yaml for a team, such as deploy/dagster.yaml.
CHOSEN_FILE = "CJO_INSTANCE"
DEFAULT_BASE = "warehouse/dagster"
WILDCARDS = "*?["


def prepare_environment() -> Settings:
    """Set the environment of this process, so that Dagster uses the instance of the home.

    Raises:
        WarehouseError: the home cannot be used.
    """
    settings = Settings.from_environment()
    os.environ["CJO_DATA"] = str(settings.data)
    os.environ["CJO_HOME"] = str(settings.home)
    if settings.policy:
        os.environ["CJO_POLICY"] = str(settings.policy)
    # dagster.yaml switches telemetry off, but its uploader would still create folders in the working directory.
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.environ["DAGSTER_HOME"] = str(instance_folder(settings.home))
    # dagster.yaml and dg are relative to the project folder.
    os.chdir(PROJECT)
    return settings


def instance_folder(home: Path) -> Path:
    """Return the folder of the instance configuration, and write the configuration for a home elsewhere."""
    base = home / "dagster"
    chosen = os.environ.get(CHOSEN_FILE)
    if any(mark in str(home) for mark in WILDCARDS):
        raise WarehouseError(
            f"The path of the home {home} contains one of {' '.join(WILDCARDS)}, which are wildcards for DuckDB."
        )
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(f"The home {home} cannot be created or written: {error.strerror}.") from error
    if base == PROJECT / DEFAULT_BASE and not chosen:
        return PROJECT
    source = Path(chosen) if chosen else PROJECT / INSTANCE_FILE
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise WarehouseError(f"The instance {source}, named by {CHOSEN_FILE}, cannot be read: {error}") from error
    text = yaml.safe_dump(_moved(content, base))
    target = base / INSTANCE_FILE
    # Services read the file at any time, so it is replaced atomically, and only if its content differs.
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        with replacing(target) as partial:
            partial.write_text(text, encoding="utf-8")
    return base


def _moved(value: object, base: Path) -> object:
    """Return the configuration with the default folder replaced."""
    if isinstance(value, dict):
        return {name: _moved(item, base) for name, item in value.items()}
    if isinstance(value, str) and (value == DEFAULT_BASE or value.startswith(f"{DEFAULT_BASE}/")):
        return str(base) + value.removeprefix(DEFAULT_BASE)
    return value
