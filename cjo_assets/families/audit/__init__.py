"""Tables about the platform itself: runs, checks, loads, policies, decisions, erasures."""
