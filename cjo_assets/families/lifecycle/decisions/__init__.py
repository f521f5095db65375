"""Decisions of the lifecycle that leave the platform, and their approval."""
