"""Subscriptions, accounts, recurring revenue, usage of plans and invoices."""
