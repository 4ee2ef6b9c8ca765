"""A user's own people and their deletion: import, the model before and after without a Clean model, record and page."""
