"""Tables on an SQL engine: statements, storage, validation of contracts and code versions."""
