"""Who calls which stage, with what, in which order: recipes, planning, references, candidates, evaluation, pipeline."""
