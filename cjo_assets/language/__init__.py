"""Requests to a language model, and validation of its answers.

A model words the results in the tables. It decides nothing, no decision depends on its answer, and an answer with a
number that it was not given is rejected.
"""
