"""Verification of the decision ledger."""
