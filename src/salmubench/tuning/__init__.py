"""Options chosen on worlds that are never evaluated."""
