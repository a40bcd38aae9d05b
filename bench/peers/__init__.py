"""Other servers that do the same work, as their libraries' documentation shows it."""
