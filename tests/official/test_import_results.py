"""Result files of the official evaluator, read into records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from salmubench.cli.main import main
from salmubench.core.errors import RecordError
from salmubench.dataset.layout import open_dataset
from salmubench.encode import encode
from salmubench.metrics import descriptions, required_texts, score, score_again
from salmubench.official.import_results import NO_ITEMS, import_official
from salmubench.official.result_file import export_official, numbers
from salmubench.scoring.compare import compare
from salmubench.scoring.record_files import items_path, read_items, read_record
from salmubench.scoring.views import rescore
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

METRICS = list(descriptions().values())


@pytest.fixture(scope="module")
def ours(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Our records of three models on the tiny dataset."""
    root, dataset = tmp_path_factory.mktemp("official"), open_dataset(tiny_folder)
    folders = {}
    for seed, name in enumerate(("clean", "compromised", "a-5x")):
        model = tiny_model(root / "models" / name, seed=seed)
        folders[name] = encode(
            model=model, dataset=dataset, out=root / name, texts=required_texts(dataset), precision="fp32"
        )
    return {
        name: score(
            embeddings=folder, clean=folders["clean"], compromised=folders["compromised"],
            out=root / "records" / f"{name}.json",
        )
        for name, folder in folders.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def files(ours: dict[str, Path], tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same as the official evaluator would have written them, in the order of the dataset's rows."""
    root, dataset = tmp_path_factory.mktemp("files"), open_dataset(tiny_folder)
    return {name: export_official(path, root, metrics=METRICS, dataset=dataset) for name, path in ours.items()}


def test_lists_are_in_the_order_of_the_rows(ours: dict[str, Path], files: dict[str, Path], tiny_folder: Path) -> None:
    found = json.loads(files["a-5x"].read_text())["efficacy"]["1.2_AssocStr"]["scores"]
    items = read_items(ours["a-5x"]).to_pylist()
    values = {item["file_name"]: item["value"] for item in items if item["metric"] == "AssocStr"}
    assert found == [values[row.file_name] for row in open_dataset(tiny_folder).rows("forget")]


def test_an_imported_record_has_the_numbers_and_intervals_of_ours(
    ours: dict[str, Path], files: dict[str, Path], tiny_folder: Path, tmp_path: Path
) -> None:
    arguments = ["--clean", str(files["clean"]), "--compromised", str(files["compromised"])]
    out = tmp_path / "i.json"
    assert (
        main(["import-official", str(files["a-5x"]), "--dataset", str(tiny_folder), *arguments, "--out", str(out)]) == 0
    )
    found, known = read_record(out), read_record(ours["a-5x"])
    assert found.model.name == "a-5x"
    assert (found.dataset.name, found.dataset.fingerprint) == (known.dataset.name, known.dataset.fingerprint)
    assert numbers(found, METRICS) == pytest.approx(dict(numbers(known, METRICS)))
    for metric, part in (("RetFail", "mrr"), ("RetFail", "r1"), ("AssocStr", "value"), ("CoreAssoc", "value")):
        one, other = found.scores[metric][part], known.scores[metric][part]
        assert (one.n, one.units, one.clean) == (other.n, other.units, pytest.approx(other.clean))
        assert one.ci95 == pytest.approx(other.ci95, abs=1e-4)  # the same draws
    for metric, part in (("RetFail", "mrr"), ("RetFail", "r1"), ("AssocStr", "value")):
        for group in ("identity", "association"):  # the dataset says who is in which
            one, other = found.scores[metric][f"{part}_{group}"], known.scores[metric][f"{part}_{group}"]
            assert (one.n, one.units) == (other.n, other.units)
            assert one.n > 0
            assert one.value == pytest.approx(other.value)
    plain = found.scores["InterIdSim"]["value"]
    held_out = len(open_dataset(tiny_folder).rows("holdout_identity"))
    assert (plain.ci95, plain.normalised.reason, plain.n) == (None, NO_ITEMS, held_out)
    assert plain.clean == pytest.approx(known.scores["InterIdSim"]["value"].clean)
    assert found.verdict is not None
    assert found.verdict.over_generalised == "undecided"
    assert "Imported from evaluation_a-5x.json" in found.notes[0]


def test_imported_records_can_be_compared(files: dict[str, Path], tiny_folder: Path, tmp_path: Path) -> None:
    dataset, paths = open_dataset(tiny_folder), []
    for name in ("a-5x", "compromised"):
        paths.append(
            import_official(
                files[name], metrics=METRICS, dataset=dataset, out=tmp_path / f"{name}.json", clean=files["clean"]
            )
        )
    found = compare(*paths)
    assert found.differences["AssocStr"]["value"].ci95 is not None
    assert found.differences["InterIdSim"]["value"].ci95 is None


def test_an_imported_record_is_scored_again(files: dict[str, Path], tiny_folder: Path, tmp_path: Path) -> None:
    """Its plain numbers have no items to follow from: they stay, and nothing is made of them where it is checked."""
    dataset, out = open_dataset(tiny_folder), tmp_path / "a-5x.json"
    references = {name: files[name] for name in ("clean", "compromised")}
    import_official(files["a-5x"], metrics=METRICS, dataset=dataset, out=out, **references)
    known = read_record(out)
    found = read_record(score_again(items_path(out), out=tmp_path / "again" / "a-5x.json"))
    for name in ("ACS", "IdZSC", "GenKnow", "InterIdSim", "IntraIdSim", "VisIdInt", "FragSim"):
        assert found.scores[name]["value"].value is not None
    assert (found.scores, found.verdict, found.dataset) == (known.scores, known.verdict, known.dataset)
    checked = rescore(known, read_items(out))
    assert checked.scores["RetFail"] == known.scores["RetFail"]
    assert checked.scores["InterIdSim"]["value"].value is None


def test_the_first_failure_mode_is_judged(files: dict[str, Path], tiny_folder: Path, tmp_path: Path) -> None:
    """It rests on people all of whose associations must go: here all ranks are Compromised's, and Clean's far off."""
    content = {name: json.loads(path.read_text()) for name, path in files.items()}
    rows = len(open_dataset(tiny_folder).rows("forget"))
    for name, rank in (("clean", 10), ("compromised", 1), ("a-5x", 1)):
        content[name]["efficacy"]["1.1_RetFail"] |= {
            "outcomes": [rank] * rows,
            "MRR": 1 / rank,
            "R@1": float(rank == 1),
        }
        (tmp_path / files[name].name).write_text(json.dumps(content[name]))
    judged, clean, compromised = (tmp_path / files[name].name for name in ("a-5x", "clean", "compromised"))
    dataset, out = open_dataset(tiny_folder), tmp_path / "a-5x.json"
    import_official(judged, metrics=METRICS, dataset=dataset, out=out, clean=clean, compromised=compromised)
    record = read_record(out)
    assert record.verdict is not None
    assert record.verdict.ineffective == "yes"


def test_files_that_are_not_of_this_dataset(files: dict[str, Path], tiny_folder: Path, tmp_path: Path) -> None:
    dataset, out = open_dataset(tiny_folder), tmp_path / "o.json"

    def changed(edit: str, value: object) -> Path:
        content = json.loads(files["a-5x"].read_text())
        section, key = edit.split("/")
        content["efficacy"][section][key] = value
        path = tmp_path / "evaluation_x.json"
        path.write_text(json.dumps(content))
        return path

    rows = len(dataset.rows("forget"))
    with pytest.raises(RecordError, match=rf"Expected {rows} numbers in 1.2_AssocStr.scores .* got 2 entries"):
        import_official(changed("1.2_AssocStr/scores", [0.1, 0.2]), metrics=METRICS, dataset=dataset, out=out)
    with pytest.raises(RecordError, match="Expected ranks from 1"):
        import_official(changed("1.1_RetFail/outcomes", [0] * rows), metrics=METRICS, dataset=dataset, out=out)
    with pytest.raises(RecordError, match="to be its own"):
        import_official(changed("1.2_AssocStr/mean", 0.9), metrics=METRICS, dataset=dataset, out=out)
    assert not out.exists()
    short = import_official(changed("1.5_CoreAssoc/scores", [0.1]), metrics=METRICS, dataset=dataset, out=out)
    record = read_record(short)
    assert record.scores["CoreAssoc"]["value"].ci95 is None
    assert any("CoreAssoc of evaluation_x.json has 1 entries" in note for note in record.notes)


def test_export_refuses_another_dataset(ours: dict[str, Path], tmp_path: Path) -> None:
    from tiny import tiny_dataset

    other = open_dataset(tiny_dataset(tmp_path / "other", seed=5))
    with pytest.raises(RecordError, match="Expected the dataset of"):
        export_official(ours["a-5x"], tmp_path, metrics=METRICS, dataset=other)


def test_export_names_a_row_that_the_dataset_lacks(ours: dict[str, Path], tiny_folder: Path, tmp_path: Path) -> None:
    record = tmp_path / "a-5x.json"
    for path in (ours["a-5x"], items_path(ours["a-5x"])):
        shutil.copy(path, tmp_path / path.name)
    items, dataset = read_items(record), open_dataset(tiny_folder)
    strange = dataset.rows("forget")[3].file_name
    names = ["nobody.jpg" if name == strange else name for name in items.column("file_name").to_pylist()]
    place = items.schema.get_field_index("file_name")
    pq.write_table(items.set_column(place, items.schema.field(place), [names]), items_path(record))
    with pytest.raises(RecordError, match=r"got one of the picture 'nobody\.jpg'"):
        export_official(record, tmp_path, metrics=METRICS, dataset=dataset)
