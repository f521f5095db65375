"""Sample data at any size, made from a world whose truth is known."""
