"""Validation of raw rows: lexical rules, rejected rows, discarded values and accepted rows."""
