"""Tests of the decisions of the lifecycle."""
