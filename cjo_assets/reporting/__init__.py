"""Tables to text: every figure shown is a cell of a table."""
