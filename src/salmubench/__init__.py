"""SALMUBench: a benchmark for sensitive association-level unlearning in CLIP."""
