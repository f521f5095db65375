"""The engine on Spark: its session, dialect and storage."""
