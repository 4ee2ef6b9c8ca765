"""A ready world: dataset and references with their embeddings and records, made once, handed on, and never changed.

A run that takes one links to its parts and copies nothing: the stages that would make them find them done.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salmubench.core import hub, manifest, places, provenance, reading, writing
from salmubench.core.errors import ConfigError, OutputError, OutputMismatch
from salmubench.core.mismatch import differences
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.record import BENCHMARK_VERSION
from salmubench.scoring.record_files import gallery_path, items_path, read_record
from salmubench.scoring.stages import RUN, RunFile, read_checkpoint, read_run_file
from salmubench.workflow import recipe as recipes
from salmubench.workflow.world_file import WORLD, check_files, read_about, unpacked, write

_ADVICE = "A world isn't changed: fetch it again, or make it again with `salmubench run`."


@dataclass(frozen=True)
class World:
    """A world that was looked at.

    Attributes:
        folder: a run's, or that of an unpacked file.
        sha256: hash over its dataset, models, embeddings and the version of the rules they were scored by.
        run: what the run that made it says.
        made: the manifest of that run.
        recipe: by which it was made.
    """

    folder: Path
    sha256: str
    run: RunFile
    made: manifest.Manifest
    recipe: recipes.LoadedRecipe

    @property
    def stated(self) -> Mapping[str, str]:
        """What the manifests of a run that takes it say about it."""
        return {"name": places.real(self.folder).name, "sha256": self.sha256}

    def check_asked(self, config: Any, kinds: Sequence[str], *, seed: int, precision: str) -> None:
        """Refuse it for a run that asks for another one.

        Args:
            config: what all models of that run share.
            kinds: references that it needs.
            precision: `auto`, `fp32` or `bf16`.

        Raises:
            OutputMismatch: other settings, another seed or precision, or a reference that isn't there.
        """
        there = {"config": self.made.config, "seed": self.made.seed, "precision": self.run.precision}
        requested = {"config": provenance.portable(writing.plain(config)), "seed": seed, "precision": precision}
        free = ("recipe", "unlearn")
        differing = differences(
            there, {**requested, "precision": there["precision"]} if precision == "auto" else requested, free
        )
        lacking = sorted(set(kinds) - set(self.recipe.recipe.pretrain.kinds))
        if differing or lacking:
            raise OutputMismatch(
                f"Expected a world of the recipe, seed and precision that are asked for, got another one in "
                f"{self.folder}. Leave --recipe, --seed and --precision out to take it as it is, or leave --world out "
                f"to make one.\nDiffering: {differing or f'{lacking[0]}: not there, requested'}."
            )

    def link(self, out: Path) -> None:
        """Let the folder of a run link to its parts; what that run has made anew itself stays.

        Raises:
            OutputMismatch: the folder has a dataset of its own, or was begun with another world.
            OutputError: no links can be made there.
        """
        earlier = read_run_file(out).world
        if earlier is not None and earlier.get("sha256") != self.sha256:
            raise OutputMismatch(
                f"Expected the world {earlier.get('name')!r}, with which {out} was begun, got another one in "
                f"{self.folder}. Choose another folder for --out."
            )
        if earlier is None and places.is_folder(out / "dataset") and not (out / "dataset").is_symlink():
            raise OutputMismatch(
                f"Expected a folder for --out without a dataset of its own beside --world, got {out}. Choose another "
                "folder, or leave --world out."
            )
        kinds = self.recipe.recipe.pretrain.kinds
        for part in ("dataset", *_models(kinds), *_records(kinds)):
            place, target = out / part, places.real(self.folder / part)
            if place.is_symlink() and places.real(place) != target:
                place.unlink()  # the world was moved
            if os.path.lexists(place):
                continue
            place.parent.mkdir(exist_ok=True)
            try:
                place.symlink_to(target)
            except OSError as error:  # Windows where the right to is missing, some network drives
                raise OutputError(
                    f"Expected that {place} can be a link to {target}, got: {error.strerror}. Choose another place "
                    "for --out, or run without --world."
                ) from error


def open_world(source: str | Path, *, beside: Path) -> World:
    """Open a world and compare what is in it with its hashes.

    Args:
        source: the folder of a run, a file of `salmubench world export`, or a Hub dataset with such a file, `org/name`
            or `org/name@revision`.
        beside: folder in which a file is unpacked, once, into `world-<hash>`.

    Raises:
        ConfigError: nothing there.
        OutputError: a stage of it isn't finished or has failed, or its file is damaged.
        OutputMismatch: it was changed, or made by another version.
    """
    folder = _find(source, beside)
    run, marks = read_run_file(folder), [folder / name for name in (manifest.MANIFEST, manifest.BEGUN)]
    marker = next((path for path in marks if path.is_file()), None)
    if marker is None or not isinstance(run.recipe_given, dict):
        raise OutputError(
            f"Expected the folder of `salmubench run`, or a file of `salmubench world export`, got no {RUN} with a "
            f"recipe in {folder}."
        )
    begun = manifest.read_any(marker)
    _check_version(folder, "salmubench", begun.version, provenance.version())
    recipe = recipes.stated(str(run.recipe), run.recipe_given, origin=str(folder / RUN))
    kinds = recipe.recipe.pretrain.kinds
    _check_finished(folder, kinds)
    about = read_about(folder) if (folder / WORLD).is_file() else None
    if about is not None:
        check_files(folder, about)
    sha256 = _checked_hash(folder, kinds)
    if about is not None:  # else a file could take the place of another, whose folder it names
        _check_same(folder / WORLD, about.sha256, sha256)
    return World(folder, sha256, run, begun, recipe)


def known_world(out: Path) -> Path | None:
    """The world that a run's folder was begun with, or `None`."""
    return places.real(out / "dataset").parent if read_run_file(out).world is not None else None


def export(run: Path, out: Path) -> Path:
    """Write the world of a run into one file, which `salmubench run --world` takes.

    Left out is what neither a method's verdict nor its page nor attacks on it need: shards, logs, candidates.

    Raises:
        SalmubenchError: as `open_world`; or the file can't be written.
    """
    if not places.is_folder(run):
        raise OutputError(f"Expected the folder of `salmubench run`, got none at {run}.")
    world = open_world(run, beside=run)
    kinds = world.recipe.recipe.pretrain.kinds
    patterns = [
        *(f"dataset/{name}" for name in ("data/*.parquet", "*.json", "README.md")),
        *(
            f"checkpoints/{kind}/{name}"
            for kind in kinds
            for name in ("open_clip_*", "curves.parquet", "manifest.json")
        ),
        *(f"embeddings/{kind}/{name}" for kind in kinds for name in ("*.npy", "*.parquet", "*.json")),
        *_records(kinds),
    ]
    files = [path for pattern in patterns for path in sorted(run.glob(pattern))]
    description = reading.read_json(run / RUN, error=OutputError, what="the description of a run", mapping=True)
    description |= {
        "status": "complete",
        "models": kinds,
        "stages": [],
        "metrics": [],
        "titles": {},
        "side_by_side": None,
    }
    texts = {
        RUN: writing.json_text(description, where=RUN),
        manifest.MANIFEST: writing.json_text(world.made, where=RUN),
    }
    about = {
        "sha256": world.sha256,
        "recipe": world.recipe.name,
        "seed": world.made.seed,
        "version": world.made.version,
        "benchmark_version": BENCHMARK_VERSION,
    }
    write(out, about, texts, {path.relative_to(run).as_posix(): path for path in files})
    return out


def _find(source: str | Path, beside: Path) -> Path:
    """The folder of a world, fetched and unpacked where it is none."""
    path = Path(source)
    if places.is_folder(path):
        return path
    if places.is_file(path):
        return unpacked(path, beside)
    if not hub.is_name(str(source)):
        raise ConfigError(
            f"Expected the folder of a run, a file of `salmubench world export` or a Hub id (org/name) as world, got "
            f"nothing at {reading.printable(str(source), 300)}. Check the path."
        )
    fetched = hub.fetch(str(source), "dataset", error=ConfigError, patterns=["*.tar"])
    files = sorted(fetched.folder.glob("*.tar"))
    if len(files) != 1:
        raise ConfigError(
            f"Expected one file *.tar of `salmubench world export` in the Hub dataset {fetched.name}, got "
            f"{[file.name for file in files]}."
        )
    return unpacked(files[0], beside)


def _models(kinds: Sequence[str]) -> list[str]:
    return [f"{part}/{kind}" for kind in kinds for part in ("checkpoints", "embeddings")]


def _records(kinds: Sequence[str]) -> list[str]:
    records = [Path("records", f"{kind}.json") for kind in kinds]
    return [path.as_posix() for record in records for path in (record, items_path(record))] + [
        gallery_path(records[0]).as_posix()
    ]


# --- what is checked ----------------------------------------------------------------------------------------------


def _check_version(where: Path, what: str, version: object, ours: object) -> None:
    if version != ours:
        raise OutputMismatch(
            f"Expected a world of {what} {ours}, got one of {version} in {where}: their numbers can't be compared. "
            "Make it again with this version, or use that one."
        )


def _check_finished(folder: Path, kinds: Sequence[str]) -> None:
    stages = {"dataset": "dataset"} | {
        part: f"{'pretrain' if part.startswith('checkpoints') else 'encode'} {part.partition('/')[2]}"
        for part in _models(kinds)
    }
    there = {stage: (folder / part / manifest.MANIFEST).is_file() for part, stage in stages.items()}
    for kind in kinds:
        record = folder / "records" / f"{kind}.json"
        scored = record.is_file() and items_path(record).is_file() and gallery_path(record).is_file()
        there[f"score {kind}"] = scored and read_record(record).status == "complete"
    for stage, finished in there.items():
        if not finished:
            raise OutputError(
                f"Expected a world whose stages are all finished, got one without {stage!r} in {folder}. Run "
                "`salmubench run` on that folder again: it goes on where it stopped."
            )


def _checked_hash(folder: Path, kinds: Sequence[str]) -> str:
    """Compare dataset, models, embeddings and records with each other and what is stated; the hash of all."""
    from salmubench.clip.models import checkpoint_sha256

    dataset = open_dataset(folder / "dataset").fingerprint
    built = manifest.read_any(folder / "dataset" / manifest.MANIFEST)
    _check_same(folder / "dataset", built.outputs.get("fingerprint"), dataset)
    hashes: dict[str, str] = {"dataset": dataset, "benchmark_version": str(BENCHMARK_VERSION)}
    for kind in kinds:
        checkpoint, embeddings = folder / "checkpoints" / kind, folder / "embeddings" / kind
        model, path = checkpoint_sha256(checkpoint), folder / "records" / f"{kind}.json"
        _check_same(checkpoint, read_checkpoint(checkpoint).outputs.sha256, model)
        marker = embeddings / manifest.MANIFEST
        encoded, record = manifest.read_any(marker), read_record(path)
        _check_same(embeddings, [encoded.inputs.get(name) for name in ("checkpoint", "dataset")], [model, dataset])
        for name, sha256 in encoded.outputs.get("files", {}).items():
            path_of_file = embeddings / name
            _check_same(path_of_file, sha256, manifest.sha256_file(path_of_file) if path_of_file.is_file() else None)
        _check_version(path, "benchmark version", record.benchmark_version, BENCHMARK_VERSION)
        hashes[kind] = manifest.sha256_file(marker)
        _check_same(path, [record.model.sha256, record.inputs.get("embeddings")], [model, hashes[kind]])
    return manifest.sha256_json(hashes)


def _check_same(path: Path, stated: object, computed: object) -> None:
    if stated != computed:
        raise OutputMismatch(
            f"Expected {path} as it was made (SHA-256 {reading.shown(stated)}), got another content "
            f"({reading.shown(computed)}). {_ADVICE}"
        )
