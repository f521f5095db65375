"""Tests of the audit tables and of the questions asked to them."""
