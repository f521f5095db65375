"""The customer journey: its datasets, tables by stage, report and generated data."""
