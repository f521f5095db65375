"""Rates of automation, KPIs with their status, and the quarterly review of each client."""
