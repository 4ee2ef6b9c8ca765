"""What every room uses and what knows nothing of CLIP or of people: files, errors, streams, plug-ins, progress."""
