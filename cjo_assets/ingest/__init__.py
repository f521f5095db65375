"""Files and databases to raw tables: formats, settings of `sources.yaml`, archive, records."""
