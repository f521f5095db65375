"""Questions over tables that an auditor asks: what came in, what was turned away, which policy, which run."""
