"""Audit questions over published data: erasure, policy diff, replay, score changes, verification, and why."""
