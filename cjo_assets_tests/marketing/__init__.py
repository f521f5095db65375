"""Tests of the marketing family; one file per table."""
