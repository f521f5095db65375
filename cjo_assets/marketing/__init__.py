"""Marketing: campaigns, experiments, budgets and attribution, one file per table.

Belongs here: contracts and transforms, pure. Does not belong here: Dagster, the engine, files, and any number of the
policy.
"""
