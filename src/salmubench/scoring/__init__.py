"""Run records: their types, files, comparison and verdict. No model and no metric is needed to read them."""
