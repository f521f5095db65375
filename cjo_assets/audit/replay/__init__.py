"""Replay: recomputation of published days and comparison with what was published."""
