"""CLIP itself: models by open_clip, device and precision, shorter ways through the text tower, and embeddings."""
