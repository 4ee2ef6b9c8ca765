"""What attacks bring back, as a page shows it: the heat table, curves over steps, one fact as an example."""
