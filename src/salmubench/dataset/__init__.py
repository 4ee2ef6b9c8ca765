"""The benchmark's data: personas, portraits, captions, retain pictures, splits, validation, statistics."""
