"""`score`: records from embeddings, their invariances, what it refuses."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fake_embeddings import FakeRow, FakeWorld, fake_world, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings as stored
from salmubench.core import writing
from salmubench.core.errors import ConfigError, EmbeddingsError, OutputMismatch, RecordError, StageError
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.compare import compare
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import items_path, read_gallery, read_items, read_record
from salmubench.scoring.views import rescore

pytestmark = pytest.mark.stage

WORLD = fake_world(identities=18, per=6)
QUICK = ScoreConfig(bootstraps=200)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Clean knows general knowledge, Compromised also the pairs, the candidate half of them."""
    made = {}
    for seed, (name, strength, kind) in enumerate(
        (("clean", 0.0, "clean"), ("compromised", 1.0, "compromised"), ("half-5x", 0.4, None))
    ):
        images, texts = vectors(WORLD, seed=seed, strength=strength)
        if name == "clean":
            known = vectors(WORLD, seed=seed, strength=1.0)[1]
            texts = {
                **texts,
                **{t.replace("{}", c): known[t.replace("{}", c)] for c in WORLD.classes for t in WORLD.templates},
            }
        made[name] = write_embeddings(tmp_path / "embeddings" / name, WORLD, (images, texts), kind=kind)
    return made


@pytest.fixture
def run(folders: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    def run(name: str = "half-5x", out: str = "records", config: ScoreConfig = QUICK, **paths: Path) -> Path:
        given = {"embeddings": folders.get(name), "clean": folders["clean"], "compromised": folders["compromised"]}
        return score(**{**given, **paths}, out=tmp_path / out / f"{name}.json", config=config)

    return run


OTHER_PICTURES = ("FactHoldOther", "FactRetNameless", "FactRetOther")


def is_absent(metric: str, part: str) -> bool:
    """Whether the world has no such pictures: unseen ones, and portraits of people of `holdout_identity`."""
    return metric in OTHER_PICTURES and (
        "_unseen" in part or (metric == "FactHoldOther" and "_joint" in part and part.endswith("_identity"))
    )


def test_record_holds_every_number_with_its_references(run: Callable[..., Path]) -> None:
    record = read_record(run())
    parts = {name: list(scores) for name, scores in record.scores.items()}
    assert list(parts) == [
        "RetFail", "AssocStr", "ACS", "IdZSC", "CoreAssoc", "GenKnow", "InterIdSim", "IntraIdSim", "VisIdInt",
        "FragSim", "FactHold", "FactHoldOther", "FactRet", "FactRetNameless", "FactRetOther", "FactRetPara",
        "PersonHold", "PersonRet", "RetFailPara",
    ]  # fmt: skip
    assert {len(parts.pop(name)) for name in OTHER_PICTURES} == {23}
    assert {tuple(parts.pop(name)) for name in ("PersonHold", "PersonRet")} == {("mrr", "r1", "percentile")}
    of_people = [f"{part}{group}" for group in ("", "_identity", "_association") for part in ("mrr", "r1")]
    assert [parts.pop(name) for name in ("RetFail", "RetFailPara")] == [of_people] * 2
    assert parts.pop("AssocStr") == ["value", "value_identity", "value_association"]
    ranked = [f"{part}{group}" for group in ("", "_identity", "_association") for part in ("mrr", "r1", "percentile")]
    assert [parts.pop(name) for name in ("FactHold", "FactRet", "FactRetPara")] == [ranked] * 3
    assert parts.pop("GenKnow") == ["value", "shown", "hidden"]
    assert all(names == ["value"] for names in parts.values())
    for name, scores in record.scores.items():
        for part, one in scores.items():
            if is_absent(name, part):
                assert (one.value, one.n) == (None, 0)
                assert one.reason
                continue
            assert one.value is not None
            assert one.clean is not None
            assert one.compromised is not None
            if one.units < 2:  # one class is hidden
                assert one.ci95 is None
            else:
                assert one.ci95 is not None
                assert one.ci95[0] <= one.value <= one.ci95[1]
            assert one.n > 0
    assert record.scores["RetFail"]["mrr"].normalised.view == "leakage"
    assert record.scores["FragSim"]["value"].normalised.reason == "not defined"
    assert record.model.name == "half-5x"
    assert set(record.references) == {"clean", "compromised"}
    assert record.dataset.held is None  # the items tell it
    assert record.notes == ()


def test_retrained_is_the_third_reference(run: Callable[..., Path], folders: dict[str, Path], tmp_path: Path) -> None:
    """It changes no number, only what they are set against; the record of Retrained itself is judged, too."""
    other = write_embeddings(tmp_path / "retrained", WORLD, vectors(WORLD, seed=5), kind="retrained")
    plain = read_record(run())
    path = run(retrained=other, out="three")
    record, items = read_record(path), read_items(path)
    assert set(record.references) == {"clean", "compromised", "retrained"}
    assert record.inputs.keys() - plain.inputs.keys() == {"retrained"}
    for metric, parts in record.scores.items():
        for part, one in parts.items():
            assert (one.value, one.ci95, one.clean) == (
                plain.scores[metric][part].value, plain.scores[metric][part].ci95, plain.scores[metric][part].clean,
            )  # fmt: skip
            assert (one.retrained is None) == is_absent(metric, part)
            assert plain.scores[metric][part].retrained is None
    assert record.scores["FactRet"]["mrr"].goal == "retrained"
    assert plain.scores["FactRet"]["mrr"].goal == "clean"
    assert items.column("retrained").null_count == 0
    again = rescore(record, items)
    assert (again.scores, again.verdict) == (record.scores, record.verdict)
    own = read_record(run(embeddings=other, retrained=other, out="own"))
    assert own.scores["FactRet"]["mrr"].value == own.scores["FactRet"]["mrr"].retrained
    assert own.verdict is not None
    assert own.verdict.hollow in ("no", "undecided")
    assert own.verdict.catastrophic == "undecided"
    assert "catastrophic" in own.verdict.ignored


def test_everything_follows_from_items_and_gallery_alone(run: Callable[..., Path]) -> None:
    path = run()
    record, items = read_record(path), read_items(path)
    again = rescore(record, items)
    assert again.scores == record.scores
    assert again.verdict == record.verdict
    rows = items.to_pylist()
    kind = {("forget", row.identity): "association" for row in WORLD.of("forget")}
    kind |= {("forget", identity): "identity" for identity in WORLD.forget_identity}
    kind |= {
        (row.split, row.identity): row.split.removeprefix("holdout_") for row in WORLD.rows if "holdout" in row.split
    }
    for metric, scores in record.scores.items():
        whole = [row for row in rows if row["metric"] == metric]
        for part, one in scores.items():
            if metric in OTHER_PICTURES:
                break  # tests/metrics/test_other_pictures.py
            name, _, group = part.partition("_")
            reciprocal = metric == "RetFailPara"
            change = {
                "mrr": lambda x, _, same=reciprocal: x if same else 1 / x,
                "r1": lambda x, _: float(x == 1),
                "percentile": lambda x, others: 1 - (x - 1) / others,
            }.get(name, lambda x, _: x)
            mine = [row for row in whole if not group or kind[row["split"], row["identity_id"]] == group]
            if part in ("shown", "hidden"):
                mine = [row for row in whole if (row["caption"] in WORLD.hidden) == (part == "hidden")]
            drawn = "caption" if metric == "GenKnow" else "cluster"  # classes, before their pictures
            assert (one.n, one.units) == (len(mine), len({row[drawn] for row in mine}))
            for column in ("value", "clean", "compromised"):
                mean = sum(change(row[column], row["others"]) for row in mine) / len(mine)
                assert getattr(one, column) == pytest.approx(mean, abs=1e-12)
    assert read_gallery(path).num_rows > 0
    assert {row["part"] for row in rows if row["metric"] in ("RetFail", "FactRet")} == {"rank"}


def test_a_copy_of_compromised_leaks_all_and_keeps_all(run: Callable[..., Path], tmp_path: Path) -> None:
    made = vectors(WORLD, seed=1, strength=1.0)
    copy = write_embeddings(tmp_path / "copy-5x", WORLD, made)
    record = read_record(run(name="copy-5x", embeddings=copy))
    for name in ("RetFail", "AssocStr", "ACS", "IdZSC", "CoreAssoc", "InterIdSim", "IntraIdSim"):
        for one in record.scores[name].values():
            assert one.value == one.compromised
            if one.normalised.value is not None:
                assert (one.normalised.value, one.normalised.ci95) == (1.0, (1.0, 1.0))
    assert record.scores["GenKnow"]["value"].normalised.value == 0.0
    assert record.verdict is not None
    assert (record.verdict.ineffective, record.verdict.catastrophic) == ("yes", "no")


def test_own_records_of_the_references(run: Callable[..., Path], folders: dict[str, Path]) -> None:
    for name in ("clean", "compromised"):
        path = run(name=name)
        record, items = read_record(path), read_items(path)
        assert items.column("clean").null_count == items.column("compromised").null_count == items.num_rows
        assert record.scores["AssocStr"]["value"].ci95 is not None
        assert record.scores["AssocStr"]["value"].clean is None
        assert record.scores["AssocStr"]["value"].normalised.reason == "a reference's own record"
        assert rescore(record, items).scores == record.scores


def test_references_may_be_records(run: Callable[..., Path]) -> None:
    clean, compromised = run(name="clean"), run(name="compromised")
    expected = read_record(run())
    found = read_record(run(out="other", clean=clean, compromised=compromised))
    assert found.scores == expected.scores
    assert found.verdict == expected.verdict
    assert found.fragile_set == expected.fragile_set


def test_scores_do_not_depend_on_row_order_scale_or_other_models(
    run: Callable[..., Path], folders: dict[str, Path], tmp_path: Path
) -> None:
    expected = read_record(run())
    order = np.random.default_rng(5).permutation(len(WORLD.rows))
    made = vectors(WORLD, seed=2, strength=0.4)
    shuffled = write_embeddings(tmp_path / "shuffled" / "half-5x", WORLD, made, order=order)
    found = read_record(run(out="shuffled", embeddings=shuffled))
    assert found.scores == expected.scores  # bit for bit: equal checkpoints score equal
    scaled = write_embeddings(tmp_path / "scaled" / "half-5x", WORLD, made, scale=37.0)
    found = read_record(run(out="scaled", embeddings=scaled))
    for name, scores in expected.scores.items():
        for part, one in scores.items():
            assert found.scores[name][part].value == pytest.approx(one.value, abs=1e-6)
    again = read_record(run(out="again"))
    assert again.scores == expected.scores


def test_a_finished_record_is_left_alone(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = run()
    before = path.stat().st_mtime_ns
    calls = []
    monkeypatch.setattr("salmubench.scoring.score.evaluate", lambda *_: calls.append(1))
    assert run() == path
    assert not calls
    assert path.stat().st_mtime_ns == before


def test_other_settings_or_a_lost_side_file_score_again(run: Callable[..., Path]) -> None:
    path = run()
    first = read_record(path)
    run(config=ScoreConfig(bootstraps=300))
    assert read_record(path).protocol != first.protocol
    items_path(path).unlink()
    run(config=ScoreConfig(bootstraps=300))
    assert items_path(path).is_file()


def test_fragile_set_is_the_tenth_that_compromised_knows_least(
    run: Callable[..., Path], folders: dict[str, Path]
) -> None:
    record = read_record(run())
    similarities = json.loads((folders["compromised"] / stored.FRAGILE_SIMILARITIES).read_text())
    lowest = sorted(similarities, key=lambda name: (similarities[name], name))[:3]  # 25 pairs: ⌈2.5⌉
    assert json.loads((folders["compromised"] / stored.FRAGILE).read_text()) == lowest
    assert record.fragile_set is not None
    assert (record.fragile_set.source, record.fragile_set.n) == ("compromised", 3)
    assert record.scores["FragSim"]["value"].n == 3


def test_the_datasets_own_fragile_list_counts(tmp_path: Path) -> None:
    world = replace(WORLD, fragile_ids=("retain_synth/d_000003_ar-1.00.jpg", "d_000004_ar-1.00.jpg"))
    folder = write_embeddings(tmp_path / "c", world, vectors(world, seed=0))
    record = read_record(
        score(embeddings=folder, clean=folder, compromised=folder, out=tmp_path / "r.json", config=QUICK)
    )
    assert record.fragile_set is not None
    assert (record.fragile_set.source, record.scores["FragSim"]["value"].n) == ("dataset", 2)
    assert not (folder / stored.FRAGILE).exists()


def test_ties_of_the_fragile_set_go_by_file_name(tmp_path: Path) -> None:
    images, texts = vectors(WORLD, seed=0)
    constant = {text: np.ones(16) for text in texts}
    folder = write_embeddings(tmp_path / "c", WORLD, (np.ones_like(images), constant))
    score(embeddings=folder, clean=folder, compromised=folder, out=tmp_path / "r.json", config=QUICK)
    assert json.loads((folder / stored.FRAGILE).read_text()) == [f"d_{number:06d}_ar-1.00.jpg" for number in range(3)]


def test_a_quick_look_has_the_groups_of_the_whole_dataset(tmp_path: Path) -> None:
    """Of some people no row of the holdout is seen: they are nonetheless people of whom something must stay."""
    held = {row.identity for row in WORLD.of("holdout_association")}
    lost = sorted(held)[:3]  # type: ignore[type-var]
    seen = WORLD.with_rows(row for row in WORLD.rows if row.split != "holdout_association" or row.identity not in lost)
    folders = {}
    for seed, (name, strength) in enumerate({"clean": 0.0, "compromised": 1.0, "half-5x": 0.4}.items()):
        folders[name] = write_embeddings(tmp_path / name, seen, vectors(seen, seed=seed, strength=strength))
        facts = stored.open_embeddings(folders[name]).dataset
        assert set(lost) <= facts.forget_identity
        facts = replace(facts, forget_identity=frozenset(WORLD.forget_identity), limit=40)
        stored.write_dataset_facts(folders[name] / stored.DATASET, facts)
    path = score(
        embeddings=folders["half-5x"], clean=folders["clean"], compromised=folders["compromised"],
        out=tmp_path / "records" / "half-5x.json", config=QUICK,
    )  # fmt: skip
    record, items = read_record(path), read_items(path)
    whole = sum(row.identity in WORLD.forget_identity for row in WORLD.of("forget"))
    for name, part in (("RetFail", "mrr"), ("AssocStr", "value"), ("FactRet", "mrr"), ("RetFailPara", "mrr")):
        counts = [record.scores[name][f"{part}_{group}"].n for group in ("identity", "association")]
        assert counts == [whole, len(WORLD.of("forget")) - whole]
    assert record.scores["IdZSC"]["value"].n == whole
    assert set(record.dataset.held or ()) == held
    again = rescore(record, items)
    assert (again.scores, again.verdict) == (record.scores, record.verdict)
    found = compare(path, path, bootstraps=100).differences["RetFail"]
    assert found["mrr_identity"].n == whole


def test_a_world_without_rows_gives_nulls_with_reasons(tmp_path: Path) -> None:
    world = FakeWorld((FakeRow("holdout_identity", "x", "only one", "00000001"),), classes=())
    folder = write_embeddings(tmp_path / "c", world, vectors(world, seed=0))
    record = read_record(
        score(embeddings=folder, clean=folder, compromised=folder, out=tmp_path / "r.json", config=QUICK)
    )
    for name, scores in record.scores.items():
        for one in scores.values():
            assert (one.value is None) == (one.reason is not None) == (name != "InterIdSim")
    assert record.scores["InterIdSim"]["value"].ci95 is None  # one identity: nothing to resample
    assert record.gallery_sha256 is None
    assert record.verdict is not None
    verdict = writing.plain(record.verdict)
    assert verdict.pop("ignored").keys() == {"ineffective", "hollow", "catastrophic", "over_generalised"}
    assert set(verdict.values()) == {"undecided"}


def test_no_retain_disjoint_is_noted(tmp_path: Path) -> None:
    world = WORLD.with_rows(row for row in WORLD.rows if not row.file_name.startswith("d_"))
    folder = write_embeddings(tmp_path / "c", world, vectors(world, seed=0))
    record = read_record(
        score(embeddings=folder, clean=folder, compromised=folder, out=tmp_path / "r.json", config=QUICK)
    )
    assert record.scores["FragSim"]["value"].reason == "no rows in retain_disjoint"
    assert record.scores["RetFail"]["mrr"].value is not None
    assert any("no captions of retain_disjoint" in note for note in record.notes)


def changed_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_swapped_references_are_noted(
    run: Callable[..., Path], folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    swapped = {"clean": folders["compromised"], "compromised": folders["clean"]}
    with caplog.at_level(logging.WARNING):
        path = run(**swapped)
    record = read_record(path)
    assert sum("swapped" in note for note in record.notes) == 3
    assert "swapped" in caplog.text
    assert record.scores["RetFail"]["mrr"].normalised.reason == "references don't differ"
    assert record.verdict is not None
    assert record.verdict.ineffective == "undecided"
    path.rename(path.with_name("clean.json"))  # in a run the references' own records lie beside, with these notes
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert read_record(run(**swapped)).notes == record.notes
    assert "swapped" not in caplog.text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: np.save(f / "images.npy", np.full((len(WORLD.rows), 16), np.nan, np.float32)), "got NaN"),
        (lambda f: np.save(f / "images.npy", np.zeros((len(WORLD.rows), 16), np.float32)), "zeros in row 0"),
        (lambda f: np.save(f / "images.npy", np.full((len(WORLD.rows), 16), np.inf, np.float16)), "float16"),
        (lambda f: np.save(f / "images.npy", np.full((len(WORLD.rows), 16), np.inf, np.float32)), "infinity"),
        (lambda f: np.save(f / "texts.npy", np.ones((900, 8), np.float32)), "one width"),
        (lambda f: np.save(f / "texts.npy", np.ones((900, 16))), "float64"),
        (lambda f: np.save(f / "images.npy", np.ones((3, 16), np.float32)), "rows 0 to 2"),
        (lambda f: (f / "images.npy").write_bytes(b"no array"), "NumPy array"),
        (lambda f: (f / "index.parquet").write_bytes(b"no table"), "parquet"),
        (lambda f: (f / "dataset.json").write_text("{}"), "key 'name'"),
        (lambda f: (f / "manifest.json").unlink(), "finished encode"),
        (lambda f: changed_json(f / "manifest.json", lambda data: data.pop("outputs")), "manifest.json"),
    ],
)
def test_damaged_embeddings(
    run: Callable[..., Path], folders: dict[str, Path], damage: Callable[[Path], object], message: str
) -> None:
    damage(folders["half-5x"])
    with pytest.raises(EmbeddingsError, match=message):
        run()


def test_a_reference_of_a_kind_that_nobody_knows_is_noted(run: Callable[..., Path], folders: dict[str, Path]) -> None:
    changed_json(folders["clean"] / "manifest.json", lambda data: data["outputs"]["model"].update(kind="%s%n"))
    assert any("calls itself %s%n" in note for note in read_record(run()).notes)


def test_another_dataset_is_refused(run: Callable[..., Path], tmp_path: Path) -> None:
    other = write_embeddings(tmp_path / "o" / "clean", WORLD, vectors(WORLD, seed=0), fingerprint="e" * 64)
    with pytest.raises(EmbeddingsError, match="on one dataset"):
        run(clean=other)
    with pytest.raises(EmbeddingsError, match="got nothing"):
        run(clean=tmp_path / "nowhere")
    with pytest.raises(EmbeddingsError, match="embeddings folder, got the file"):
        run(embeddings=run(name="clean"))


def test_records_of_another_gallery_are_not_mixed(run: Callable[..., Path], tmp_path: Path) -> None:
    run()
    fewer = WORLD.with_rows(row for row in WORLD.rows if row.file_name != "d_000001_ar-1.00.jpg")
    folder = write_embeddings(tmp_path / "fewer", fewer, vectors(fewer, seed=0))
    with pytest.raises(OutputMismatch, match="another one"):
        score(embeddings=folder, clean=folder, compromised=folder, out=tmp_path / "records" / "x.json", config=QUICK)


def test_reference_records_with_other_items_are_refused(run: Callable[..., Path], tmp_path: Path) -> None:
    clean, compromised = run(name="clean"), run(name="compromised")
    import pyarrow.parquet as pq

    items = read_items(clean)
    pq.write_table(items.slice(1), items_path(clean))
    with pytest.raises(RecordError, match=r"same items of RetFail.*54 and 53"):
        run(out="other", clean=clean, compromised=compromised)


@pytest.mark.parametrize("gallery", [None, "0" * 64])
def test_reference_records_with_another_gallery_are_refused(
    gallery: str | None, run: Callable[..., Path], tmp_path: Path
) -> None:
    """The authors' result files, imported, have ranks among captions that nobody knows."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    clean, items = run(name="clean"), read_items(run(name="clean"))
    content = json.loads(clean.read_text())
    clean.write_text(json.dumps(content | {"gallery_sha256": gallery}))
    with pytest.raises(RecordError, match=f"got ranks in {gallery or 'an unknown gallery'}.*Give the reference itself"):
        run(out="other", clean=clean)
    assert not (tmp_path / "other" / "half-5x.json").exists()
    ranked = pc.is_in(items.column("metric"), pa.array(["RetFail", "RetFailPara"]))
    pq.write_table(items.filter(pc.invert(ranked)), items_path(clean))  # similarities don't depend on it
    assert read_record(run(out="other", clean=clean)).scores["AssocStr"]["value"].clean is not None


METRIC = """
from salmubench.metrics import EvalInputs, Metric, Outcome, outcome

METRIC = Metric(name="{name}", pillar="utility", goal="compromised")


def texts(dataset, config):
    return ["hello"]


def score(inputs: EvalInputs) -> Outcome:
    rows = inputs.needed("retain_synth")
    return outcome(rows.items(inputs.similarity(rows)))
"""


def test_a_metric_of_ones_own(run: Callable[..., Path], tmp_path: Path, tiny_folder: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METRIC.format(name="Mine"))
    config = ScoreConfig(bootstraps=200, extra_metrics=(str(path),))
    record = run(config=config)
    found = read_record(record)
    assert found.scores["Mine"]["value"].n == len(WORLD.of("retain_synth"))
    assert found.scores["Mine"]["value"].compromised is not None
    assert rescore(found, read_items(record)).scores == found.scores
    from salmubench.dataset.layout import open_dataset

    assert "hello" in metrics.required_texts(open_dataset(tiny_folder), config)
    path.write_text(METRIC.format(name="RetFail"))
    with pytest.raises(ConfigError, match="'RetFail' twice"):
        run(config=config, out="again")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('return {}["nothing"]', r"The metric 'Mine' failed: KeyError: 'nothing' \(mine.py:13\)\n    return \{\}"),
        ("return 0.5", "Expected score\\(inputs\\) to give an Outcome, got float"),
    ],
)
def test_a_mistake_in_a_metric_is_told_with_its_place(
    run: Callable[..., Path], tmp_path: Path, line: str, message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METRIC.format(name="Mine").replace("return outcome(rows.items(inputs.similarity(rows)))", line))
    with pytest.raises(StageError, match=message):
        run(config=ScoreConfig(bootstraps=200, extra_metrics=(str(path),)))


def test_a_file_without_a_metric_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(ConfigError, match="Expected METRIC"):
        metrics.load(str(path))


def test_items_are_called_as_the_file_format_has_it(run: Callable[..., Path]) -> None:
    """Tables of earlier versions and of submissions must go on fitting: a part is `rank` or `value`."""
    items = read_items(run())
    parts = dict(zip(items.column("metric").to_pylist(), items.column("part").to_pylist(), strict=True))
    assert {parts.pop(name) for name in OTHER_PICTURES} == {"mrr_sensitive_stranger"}  # the last of their parts
    assert set(parts.values()) == {"rank", "value"}
    assert parts["RetFailPara"] == "value"
    assert parts["RetFail"] == "rank"


def test_modules_are_named_after_their_metrics() -> None:
    for name in metrics.names():
        plugin = metrics.load(name)
        assert plugin.metric.name.lower() == name
        assert plugin.doc
        assert plugin.metric.title


def test_scoring_imports_no_torch(folders: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "from pathlib import Path; from salmubench.metrics import score\n"
        f"f = {{n: Path({str(folders['clean'].parent)!r}) / n for n in ('clean', 'compromised', 'half-5x')}}\n"
        f"out = Path({str(tmp_path)!r}) / 'x.json'\n"
        "score(embeddings=f['half-5x'], clean=f['clean'], compromised=f['compromised'], out=out)\n"
        "print([name for name in ('torch', 'open_clip', 'numba') if name in sys.modules], dict(os.environ) == before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"bootstraps": 10}, "score.bootstraps"), ({"identity_prompt": "a photo"}, "score.identity_prompt")],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScoreConfig(**options)  # type: ignore[arg-type]


def test_failing_half_way_leaves_no_record(
    run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("salmubench.scoring.record_files.writing.write_json", fail)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert not (tmp_path / "records" / "half-5x.json").exists()
    monkeypatch.undo()
    assert isinstance(read_record(run()), RunRecord)
