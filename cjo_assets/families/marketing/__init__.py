"""Marketing: campaigns, experiments, budgets and attribution; tables by stage, report and generated data."""
