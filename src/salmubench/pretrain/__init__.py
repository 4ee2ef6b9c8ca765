"""Pretraining of the references: `open_clip_train` under torchrun, from WebDataset shards."""
