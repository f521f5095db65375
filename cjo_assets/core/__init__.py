"""Building blocks of tables: contracts, datasets, declarations, settings and errors."""
