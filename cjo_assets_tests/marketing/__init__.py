"""Tests of the marketing family."""
