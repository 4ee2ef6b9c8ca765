"""Backends of the retain_real split: one module each, picked by name in the recipe."""
