"""What attacks bring back, as a page shows it: the heat table."""
