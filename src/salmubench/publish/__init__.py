"""What goes out: cards, exports, pushes of datasets and models."""
