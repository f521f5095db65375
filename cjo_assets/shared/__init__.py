"""Pure helpers that more than one family uses."""
