"""The run record, as types that check themselves; its JSON Schema is generated from them.

Each is a frozen pydantic dataclass: a value of a wrong type, a number that isn't finite, an unknown key or a text of
book length is refused, whether a record is read or made. `dataclasses.replace` checks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pydantic.dataclasses import dataclass

from salmubench.scoring import schema
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.failure_modes import LIMITS, MODES
from salmubench.scoring.metric import Group, ItemKind, Metric, Pillar, Role, View
from salmubench.scoring.origin import (
    STRICT,
    Cost,
    Dataset,
    Encoding,
    Failure,
    Flag,
    FragileSet,
    Hash,
    Interval,
    Model,
    Name,
    Provenance,
    Real,
    Text,
    Whole,
)  # fmt: skip
from salmubench.scoring.references import ENDS, LABELS, OPTIONAL, Kind

SCHEMA_VERSION = 2
"""Version of the record's layout; readers refuse a newer one. 1 had three failure modes and no Retrained."""

BENCHMARK_VERSION = 2
"""Version of the benchmark: raised whenever a number could change, by metrics, intervals, verdicts, what is drawn or
how models are trained. `docs/protocol.md` tells what each changed."""

Answer = Literal["yes", "no", "undecided"]

T = TypeVar("T")
_ENDS = " and ".join(LABELS[kind] for kind in ENDS)


def _with_fields(fields: Sequence[tuple[str, str, str, bool]], *, last: bool = False) -> Callable[[type[T]], type[T]]:
    """Give a class a field for each entry of a list.

    Args:
        fields: name, type as the module calls it, what it is, and whether it may be null, as it is where it is missing.
        last: behind the class's own fields.
    """

    def extended(cls: type[T]) -> type[T]:
        types = {name: f"{kind} | None" if optional else kind for name, kind, _, optional in fields}
        lines = "".join(f"        {name}: {meaning}\n" for name, _, meaning, _ in fields)
        for name, _, _, optional in fields:
            if optional:
                setattr(cls, name, None)
        cls.__annotations__ = cls.__annotations__ | types if last else types | cls.__annotations__
        head, _, attributes = (cls.__doc__ or "").partition("\n\n    Attributes:\n")
        attributes = attributes.rstrip(" ")
        cls.__doc__ = f"{head}\n\n    Attributes:\n{attributes + lines if last else lines + attributes}"
        return cls

    return extended


def _since(schema: int) -> str:
    return "." if schema == 1 else "; null in older records."


NOT_LEARNT: Final = "not learnt"
"""Why a view is null where Compromised shows too little of what it measures: a share of that would be noise."""


@dataclass(frozen=True, config=STRICT)
class Normalised:
    """A score between its references.

    Attributes:
        view: leakage left L, kept K or utility drop D; null where none is defined.
        value: the number, or null.
        ci95: its 95 % interval, or null.
        reason: why there is no number.
        against: the reference at which L is 0; null for other views, where none is defined, and in older records.
        most_of_one: share that one person has of what is left, where that is more than a sixth; else null, and in older
            records.
    """

    view: View | None
    value: Real | None
    ci95: Interval | None
    reason: Text | None
    against: Kind | None = None
    most_of_one: Real | None = None


@dataclass(frozen=True, config=STRICT)
@_with_fields(
    [
        field_
        for kind in OPTIONAL
        for field_ in (
            (kind, "Real", f"{LABELS[kind]}'s number; null where there is none, and in records of {_ENDS}.", True),
            (
                f"against_{kind}",
                "Normalised",
                f"of a leakage that is normalised against Clean, the same against {LABELS[kind]}, else null.",
                True,
            ),
        )
    ],
    last=True,
)
class Score:
    """One number with what it needs to be read.

    Attributes:
        value: the number, or null.
        reason: why there is no number.
        n: items it is the mean of.
        units: identities (or pictures without one) that the bootstrap draws; of general knowledge, classes.
        left_out: rows that had to be left out.
        ci95: 95 % interval from a bootstrap over units; null where there are fewer than two.
        goal: the reference whose value is the target.
        clean: Clean's number, null in the references' own records.
        compromised: Compromised's number, null in the references' own records.
        normalised: the number between its references.
    """

    value: Real | None
    reason: Text | None
    n: Whole
    units: Whole
    left_out: Whole
    ci95: Interval | None
    goal: Kind
    clean: Real | None
    compromised: Real | None
    normalised: Normalised


def number_of(score: Score, kind: str) -> float | None:
    """A reference's own number beside a score, or `None`."""
    number: float | None = getattr(score, kind)
    return number


def against(score: Score, kind: str) -> Normalised | None:
    """The view of a leakage against another reference beside the one against Clean, or `None`."""
    view: Normalised | None = getattr(score, f"against_{kind}", None)
    return view


@dataclass(frozen=True, config=STRICT)
@_with_fields(
    [
        (mode.name, "Answer", mode.meaning + _since(mode.since), mode.since > 1)
        for mode in sorted(MODES, key=lambda mode: mode.since)
    ]
)
class Verdict:
    """Which of the failure modes the model has.

    Attributes:
        ineffective_paper: the paper's own rule: more than a hundredth of all leakage against Clean; null in older
            records, whose first mode it is.
        ignored: mode → numbers that it should rest on and that the model hasn't.
    """

    ineffective_paper: Answer | None = None
    ignored: Mapping[Name, tuple[Name, ...]] = field(default_factory=dict)

    if TYPE_CHECKING:

        def __init__(self, *answers: Answer | None, **fields: Any) -> None: ...
        def __getattr__(self, mode: str) -> Any: ...


@dataclass(frozen=True, config=STRICT)
@_with_fields([(limit.name, "Real", limit.meaning + _since(limit.since), limit.since > 1) for limit in LIMITS])
class Thresholds:
    """Where the failure modes begin."""

    if TYPE_CHECKING:

        def __init__(self, *limits: float | None, **fields: Any) -> None: ...
        def __getattr__(self, limit: str) -> Any: ...


@dataclass(frozen=True, config=STRICT)
class MetricInfo:
    """Description of a metric.

    Attributes:
        number: as the paper numbers it; null for extensions.
        pillar: efficacy or utility.
        main: whether it is the pillar's main number.
        view: how it is normalised.
        items: what its items are.
        resample: what its bootstrap draws.
        role: what the verdict takes it for; null: nothing.
        split: the split or derived set that its items come from; null where an older record doesn't say.
        title: one line for tables.
        definition: part → what it is.
        goal: the reference whose value is the target; null in older records, whose scores tell it.
        groups: of items, over which each part is also computed.
    """

    number: Name | None
    pillar: Pillar
    main: Flag
    view: View | None
    items: ItemKind
    resample: Literal["identity", "class"]
    role: Role | None = None
    split: Name | None = None
    title: Name = ""
    definition: Mapping[Name, Text] = field(default_factory=dict)
    goal: Kind | None = None
    groups: tuple[Group, ...] = ()

    @classmethod
    def of(cls, metric: Metric) -> MetricInfo:
        """What a record says about a metric."""
        return cls(
            number=metric.number,
            pillar=metric.pillar,
            main=metric.main,
            view=metric.view,
            items=metric.items,
            resample=metric.resample,
            role=metric.role,
            split=metric.split,
            title=metric.title,
            definition=metric.definition,
            goal=metric.goal,
            groups=metric.groups,
        )

    def agrees(self, other: MetricInfo) -> bool:
        """Whether both make the same number of the same items; older records call reciprocal ranks values."""
        same = all(
            getattr(self, name) == getattr(other, name) for name in ("number", "pillar", "main", "view", "resample")
        )
        kinds = [item.items if item.items in ("rank", "fact_rank", "fact_mean") else "value" for item in (self, other)]
        return same and kinds[0] == kinds[1] and self.role in (None, other.role)


@dataclass(frozen=True, config=STRICT)
class Protocol:
    """Constants and options behind the numbers.

    Attributes:
        bootstraps: resamples behind an interval.
        bootstrap_seed: of the resamples.
        level: coverage of the intervals.
        identity_prompt: prompt that names a person.
        thresholds: where the failure modes begin.
        metrics: what each metric is.
        fact_values: other values of each association, among which its fact is ranked; null in older records.
        fact_rows: pairs of forget whose facts are ranked, half as many of each holdout; 0: all; null in older records.
        acs_test_share: share of the pictures that true and permuted pairs are told apart on; null in older records.
    """

    bootstraps: Whole
    bootstrap_seed: Whole
    level: Real
    identity_prompt: Text
    thresholds: Thresholds
    metrics: Mapping[Name, MetricInfo]
    fact_values: Whole | None = None
    fact_rows: Whole | None = None
    acs_test_share: Real | None = None


@dataclass(frozen=True, config=STRICT)
class RunRecord:
    """Scores of one model between its references.

    Attributes:
        schema_version: version of this layout.
        status: `complete`, or `failed` with an error and no scores.
        error: why it failed.
        model: the model judged.
        dataset: the dataset.
        encoding: how the embeddings were made.
        gallery_sha256: hash of the retrieval gallery's content; null where there is none.
        fragile_set: the fragile set; null where there are none.
        scores: metric → part → score.
        verdict: which failure modes the model has; null when failed.
        protocol: constants and options behind the numbers.
        cost: what unlearning cost.
        references: reference → SHA-256 of its weights.
        inputs: what was scored → SHA-256; a record of other inputs is out of date.
        notes: remarks on the data that a reader should know.
        provenance: where the record comes from.
        breakdowns: grouping → metric → group → part → score, where they were asked for.
        attacks: what can be brought back; null where the model was not attacked.
        benchmark_version: of the rules by which the items were scored; raised whenever a number could change; null in
            older records and in those of other evaluators.
    """

    schema_version: Whole
    status: Literal["complete", "failed"]
    error: Failure | None
    model: Model
    dataset: Dataset
    encoding: Encoding | None
    gallery_sha256: Hash | None
    fragile_set: FragileSet | None
    scores: Mapping[Name, Mapping[Name, Score]]
    verdict: Verdict | None
    protocol: Protocol | None
    cost: Cost
    references: Mapping[Name, Hash | None]
    inputs: Mapping[Name, Hash]
    notes: tuple[Text, ...]
    provenance: Provenance
    breakdowns: Mapping[Name, Mapping[Name, Mapping[Name, Mapping[Name, Score]]]] = field(default_factory=dict)
    attacks: Attacks | None = None
    benchmark_version: Whole | None = None


def record_schema() -> dict[str, Any]:
    """JSON Schema of `record.json`, as it is published in `docs/record.schema.json`."""
    return schema.json_schema(RunRecord, title="SALMUBench run record", identifier="record.schema.json")
