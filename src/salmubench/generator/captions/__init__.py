"""Caption backends: one module each, all with `sensitive`, `paraphrase` and `generic`."""
