"""A deletion without a Clean model: the model before and after, chance, and people whom no model has met."""
