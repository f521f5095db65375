"""Demonstration: generated data of one invented company, in which all families share customers and dates."""
