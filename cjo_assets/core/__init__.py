"""What every table is made of: contracts, datasets, declarations, settings and errors."""
