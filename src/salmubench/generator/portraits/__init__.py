"""Portrait backends: one module each, all with `sample_identity`, `sample_shot` and `render_jpeg`."""
