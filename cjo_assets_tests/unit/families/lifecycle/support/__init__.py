"""Tests of SLA clocks, escalations and daily metrics."""
