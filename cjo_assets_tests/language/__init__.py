"""What is asked of a language model, and what is taken from it."""
