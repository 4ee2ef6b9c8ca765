"""Pretraining of the two references: `open_clip_train` under torchrun, from WebDataset shards."""
