"""Makes a dataset: personas, splits, captions, pictures. Backends are plug-ins."""
