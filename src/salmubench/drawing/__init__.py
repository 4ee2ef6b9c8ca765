"""Procedural pictures: people and things, drawn by ray marching. Knows nothing of the rest but the errors."""
