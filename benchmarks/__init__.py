"""Benchmark of the platform against hand-written SQL, reading and writing only, pandas, loops, dbt and SQLMesh."""
