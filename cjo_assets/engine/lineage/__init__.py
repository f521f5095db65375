"""Column lineage of SQL statements."""
