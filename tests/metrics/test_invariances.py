"""What must not matter to any number: names in another script, how rows lie in shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fake_embeddings import FakeRow, fake_world, vectors, write_embeddings
from salmubench.dataset import layout, phrasings
from salmubench.dataset.layout import open_dataset
from salmubench.encode import encode
from salmubench.metrics import ScoreConfig, required_texts, score
from salmubench.scoring.record_files import read_record
from tiny import tiny_dataset
from tiny_model import tiny_model

QUICK = ScoreConfig(bootstraps=100)
NAMES = (
    "Łukasz Żółć",
    "李小龙",
    "Zoë D’Arcy-Müller",
    "نجيب محفوظ",
    "Nguyễn Thị Ánh",
    "Sørén Ø",
    "Ада Ловлейс",
    "e\u0301lan",
)


def test_names_in_any_script(tmp_path: Path) -> None:
    """The same vectors under other texts give the same numbers, to the last bit."""
    world = fake_world(identities=8)

    def renamed(row: FakeRow) -> FakeRow:
        if row.name is None:
            return row
        name = NAMES[int(row.name.removeprefix("Person Number"))]
        other = replace(row, name=name, caption=row.caption.replace(row.name, name))
        assert row.field is not None
        assert row.value is not None
        number = int(row.file_name.split("_")[1])
        return replace(other, paraphrase=phrasings.paraphrase(name, row.field, row.value, variant=number))

    scores = []
    for label, rows in (("plain", world.rows), ("renamed", tuple(renamed(row) for row in world.rows))):
        own = world.with_rows(rows)
        folders = [
            write_embeddings(tmp_path / label / str(seed), own, vectors(own, seed=seed, strength=0.4 * seed))
            for seed in range(3)
        ]
        path = score(
            embeddings=folders[1], clean=folders[0], compromised=folders[2], out=tmp_path / label / "r.json",
            config=QUICK,
        )  # fmt: skip
        scores.append(read_record(path).scores)
    assert scores[0] == scores[1]
    assert all(
        one.value is not None
        for parts in scores[0].values()
        for name, one in parts.items()
        if "unseen" not in name and name.split("_")[1:2] != ["joint"]  # the world has no such portraits, or not of all
    )


def test_rows_in_other_shards_and_another_order(tmp_path: Path) -> None:
    """Three shards with the rows from behind: another fingerprint, the same numbers."""
    scores, model = [], tiny_model(tmp_path / "model")
    for label in ("whole", "shards"):
        folder = tiny_dataset(tmp_path / label / "dataset", identities=6, pictures=5)
        if label == "shards":
            _reshard(folder)
        dataset = open_dataset(folder)
        out = encode(
            model=model, dataset=dataset, out=tmp_path / label / "e", texts=required_texts(dataset), precision="fp32"
        )
        path = score(embeddings=out, clean=out, compromised=out, out=tmp_path / label / "r.json", config=QUICK)
        record = read_record(path)
        scores.append({(name, part): one for name, parts in record.scores.items() for part, one in parts.items()})
    for which, one in scores[0].items():
        other = scores[1][which]
        assert (one.n, one.units) == (other.n, other.units)
        assert abs((one.value or 0.0) - (other.value or 0.0)) < 1e-6, which
        assert (one.value is None) == (other.value is None)


def _reshard(folder: Path) -> None:
    for path in sorted((folder / "data").glob("*.parquet")):
        table = pq.read_table(path)
        split, rows = path.name.partition("-")[0], table.num_rows
        table = table.take(pa.array(range(rows - 1, -1, -1)))
        path.unlink()
        for index in range(3):
            part = table.slice(index * rows // 3, (index + 1) * rows // 3 - index * rows // 3)
            pq.write_table(part, folder / "data" / layout.shard_name(split, index, 3))
