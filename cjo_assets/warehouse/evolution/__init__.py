"""Schema evolution: stored tables brought to the columns of contracts that changed."""
