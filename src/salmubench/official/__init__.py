"""The result files of the official evaluator: read, written, compared with the published numbers."""
