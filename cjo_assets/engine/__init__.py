"""Tables on an SQL engine: statements, storage, validation of contracts, versions of code."""
