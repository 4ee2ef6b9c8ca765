"""Run records: their types, files, comparison and verdict. No model and no metric is needed to read them."""

from salmubench.scoring.compare import Comparison, compare
from salmubench.scoring.difference import Difference
from salmubench.scoring.metric import (
    Items,
    Metric,
    Outcome,
    Unavailable,
    outcome,
)
from salmubench.scoring.record import (
    Normalised,
    RunRecord,
    Score,
    Verdict,
    record_schema,
    write_schema,
)
from salmubench.scoring.record_files import (
    gallery_sha256,
    is_current,
    read_gallery,
    read_items,
    read_record,
    write_failed,
)
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import rescore, score_items

__all__ = [
    "THRESHOLDS",
    "Comparison",
    "Difference",
    "Items",
    "Metric",
    "Normalised",
    "Outcome",
    "RunRecord",
    "Score",
    "Unavailable",
    "Verdict",
    "compare",
    "gallery_sha256",
    "is_current",
    "judge",
    "outcome",
    "read_gallery",
    "read_items",
    "read_record",
    "record_schema",
    "rescore",
    "score_items",
    "write_failed",
    "write_schema",
]
