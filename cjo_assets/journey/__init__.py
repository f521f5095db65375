"""The customer journey: one file per table, each its contract and its transform."""
