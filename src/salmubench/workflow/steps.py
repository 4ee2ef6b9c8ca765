"""The steps of a run as a graph: each begins when what it needs is there, so that no processor waits.

Methods need Compromised alone; so the first of them run while Retrained still trains. A step gives the same bytes
wherever and beside whatever it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from salmubench.core import manifest
from salmubench.core.executor import Task
from salmubench.scoring.references import COMPROMISED, Kind
from salmubench.workflow import references
from salmubench.workflow.candidates import Stages, encode, judge, make_model, noted, score
from salmubench.workflow.current import is_encoded, is_made, is_scored
from salmubench.workflow.references import Training
from salmubench.workflow.run_world import Candidate, Made, RunWorld, record_path


def graph_of(
    world: RunWorld, training: Training, candidates: Sequence[Candidate], *, others: Sequence[str] = ()
) -> list[Task]:
    """What a run has to do after its dataset, each with what it needs; what is done is left out.

    Args:
        training: the references; those that are missing are trained.
        others: models of the folder that no candidate of this run is, which further metrics are computed of, too.

    Returns:
        Tasks whose work gives a `Made`; a candidate's two are called `unlearn <name>` and `score <name>`.
    """
    trained = {kind: f"pretrain {kind}" for kind in references.missing(training)}
    encoded = {
        kind: f"encode {kind}"
        for kind, checkpoint in training.checkpoints.items()
        if kind in trained or not is_encoded(world, kind, checkpoint)
    }
    all_encoded = tuple(encoded.values())
    tasks = [Task(name, partial(_trained, training, kind)) for kind, name in trained.items()]
    for kind, name in encoded.items():
        needs = (trained[kind],) if kind in trained else ()
        tasks.append(Task(name, partial(_staged, encode, world, kind, training.checkpoints[kind]), needs))
    tasks += [
        Task(f"score {kind}", partial(_staged, score, world, kind), all_encoded)
        for kind in training.checkpoints
        if encoded or not is_scored(world, kind)
    ]
    begin = (trained[COMPROMISED],) if COMPROMISED in trained else ()
    for item in candidates:
        if encoded or not is_made(world, item):
            model = f"unlearn {item.name}"
            tasks.append(Task(model, partial(make_model, world, item), begin))
            tasks.append(Task(f"score {item.name}", partial(judge, world, item), (model, *all_encoded)))
    for name in others:
        checkpoint = world.out / "checkpoints" / name
        there = record_path(world, name).is_file() and (checkpoint / manifest.MANIFEST).is_file()
        if there and (encoded or not (is_encoded(world, name, checkpoint) and is_scored(world, name))):
            tasks.append(Task(f"score {name}", partial(_staged, _score_again, world, name), all_encoded))
    return tasks


def with_notes(tasks: Sequence[Task]) -> list[Task]:
    """The same tasks for fresh processes, which write notes of this one's level."""
    level = logging.getLogger("salmubench").level
    return [Task(task.name, partial(noted, level, task.work), task.needs) for task in tasks]


def _score_again(world: RunWorld, name: str, stages: Stages) -> None:
    encode(world, name, world.out / "checkpoints" / name, stages)
    score(world, name, stages)


def _trained(training: Training, kind: Kind) -> Made:
    return Made(references.train(training, kind), None)


def _staged(work: Callable[..., None], *arguments: object) -> Made:
    stages = Stages()
    work(*arguments, stages)
    return Made(stages.done, None)
