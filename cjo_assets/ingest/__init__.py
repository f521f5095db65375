"""Input files and databases to raw tables: formats, settings of `sources.yaml`, archive and records."""
