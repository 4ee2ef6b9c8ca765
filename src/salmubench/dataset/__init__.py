"""What a dataset is, and all that reads one: layout, shards, phrasings, validation, statistics, preview."""
