"""Experiments on messages: how probable it is that each variant is the best, and what follows."""
