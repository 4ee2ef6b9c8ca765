"""Look inside: answers against a slow search, states of a fact, reasons where nothing can be asked."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from fake_embeddings import FakeRow, Vectors, vectors
from report_world import METRICS, STRENGTHS, embed, embedded_world, write_run_embeddings
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset import layout
from salmubench.report.collect import read_run
from salmubench.report.config import ReportConfig
from salmubench.report.look_inside import NOT_LEARNED, Look, Question, look_inside
from salmubench.report.page import report
from salmubench.scoring.fact_ranks import Values, replaced
from salmubench.scoring.gallery import draw_gallery
from tiny import tiny_jpeg

CONFIG = ReportConfig(questions=8)


@pytest.fixture(scope="module")
def run_with_embeddings(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside") / "mini"
    shutil.copytree(run_folder, folder)
    return embed(folder)


def look(folder: Path, config: ReportConfig = CONFIG) -> Look:
    run = read_run(folder, METRICS)
    found = look_inside(run, {record.model.name: record.model.name for record in run.records}, config)
    assert found is not None
    return found


def copied(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def text_of(question: Question) -> str:
    return "".join(question.caption)


def gallery_of(folder: Path) -> list[str]:
    dataset = layout.Dataset(folder / "dataset")
    key = lambda row: (row.file_name, row.caption)  # noqa: E731
    forget = sorted(dataset.rows("forget"), key=key)
    loose = sorted((row for row in dataset.rows("retain_synth") if row.identity is None), key=key)
    columns = [
        (np.array([row.file_name for row in rows], object), np.array([row.caption for row in rows], object))
        for rows in (forget, loose)
    ]
    return draw_gallery(*columns).caption.tolist()


def slow_answer(folder: Path, question: Question, made: Vectors, picture: int | None = None) -> tuple[list[str], float]:
    """The five best captions and the rank of the true one, one cosine after the other."""
    world = embedded_world(folder)
    images, texts = made
    place = next(number for number, row in enumerate(world.rows) if row.caption == text_of(question))
    place = place if picture is None else picture

    def cosine(text: str) -> float:
        image, vector = images[place].astype(np.float32), texts[text].astype(np.float32)
        return float(image @ vector / np.linalg.norm(image) / np.linalg.norm(vector))

    true = text_of(question)
    gallery = gallery_of(folder)
    best = sorted({*gallery, true}, key=cosine, reverse=True)[:5]
    return best, 1.0 + sum(cosine(text) > cosine(true) for text in gallery if text != true)


@pytest.mark.parametrize("name", ["clean", "compromised", "finetuning-5x"])
def test_answers_are_those_of_a_slow_search(run_with_embeddings: Path, name: str) -> None:
    made = vectors(embedded_world(run_with_embeddings), seed=3, strength=STRENGTHS[name])
    asked = look(run_with_embeddings).questions
    assert len(asked) == 8
    for question in asked:
        answer = next(one for one in question.answers if one.name == name)
        best, rank = slow_answer(run_with_embeddings, question, made)
        assert ["".join(hit.pieces) for hit in answer.captions] == best
        assert answer.caption_rank == f"{rank:,.0f}"
        assert [hit.about == "true" for hit in answer.captions] == [text == text_of(question) for text in best]


def test_a_portrait_that_no_model_has_seen_is_asked_where_there_is_one(
    run_with_embeddings: Path, tmp_path: Path
) -> None:
    folder = copied(run_with_embeddings, tmp_path / "mini")
    fingerprint, world = layout.Dataset(folder / "dataset").fingerprint, embedded_world(folder)
    people = sorted({row.identity for row in world.rows if row.split in SENSITIVE_SPLITS})
    unseen = [FakeRow("portraits_unseen", f"{who}_8{n}_ar-1.00.jpg", "a man", who) for who in people for n in range(2)]
    shard = (
        layout.Row(tiny_jpeg(9, n, size=16, aspect=1.0, seed=0), row.caption, row.identity, row.file_name)
        for n, row in enumerate(unseen)
    )
    layout.write_shard(folder / "dataset", "portraits_unseen", 0, 1, shard)
    world = world.with_rows([*world.rows, *unseen])
    made = {name: vectors(world, seed=3, strength=strength) for name, strength in STRENGTHS.items()}
    for name in STRENGTHS:
        shutil.rmtree(folder / "embeddings" / name)
        write_run_embeddings(folder, name, world, made[name], fingerprint)
    asked = look(folder).questions
    assert [text_of(one) for one in asked] == [text_of(one) for one in look(run_with_embeddings).questions]
    assert all(one.unseen for one in asked)
    for question in asked:
        owner = next(row.identity for row in world.rows if row.caption == text_of(question))
        first = next(n for n, row in enumerate(world.rows) if row.split == "portraits_unseen" and row.identity == owner)
        answer = next(one for one in question.answers if one.name == "compromised")
        best, rank = slow_answer(folder, question, made["compromised"], first)
        assert ["".join(hit.pieces) for hit in answer.captions] == best
        assert answer.caption_rank == f"{rank:,.0f}"
    section = made_page(folder, tmp_path / "page").partition('-inside" aria')[2].partition("</section>")[0]
    assert section.count("No model has seen this picture") == len(asked)


def test_rank_of_a_fact_to_forget_is_the_metric_s(run_with_embeddings: Path) -> None:
    from salmubench.clip.embeddings import open_embeddings
    from salmubench.metrics import load
    from salmubench.scoring.config import ScoreConfig
    from salmubench.scoring.inputs import EvalInputs

    inputs = EvalInputs(open_embeddings(run_with_embeddings / "embeddings" / "finetuning-5x"), ScoreConfig())
    for metric, of in (("RetFail", "caption_rank"), ("FactRet", "value_rank")):
        items = load(metric.lower()).score(inputs).per_item
        ranks = dict(zip(items.caption.tolist(), items.value.tolist(), strict=True))
        for question in look(run_with_embeddings).questions:
            if question.forget:
                answer = next(one for one in question.answers if one.name == "finetuning-5x")
                assert getattr(answer, of) == f"{ranks[text_of(question)]:,g}", metric


def test_a_person_with_a_fact_to_forget_and_one_to_keep(run_with_embeddings: Path) -> None:
    asked = look(run_with_embeddings).questions
    forget = {question.person for question in asked if question.forget}
    assert len(forget) == sum(question.forget for question in asked) == 4
    assert forget & {question.person for question in asked if not question.forget}


def test_the_draw_looks_at_no_score(run_with_embeddings: Path, tmp_path: Path) -> None:
    folder = copied(run_with_embeddings, tmp_path / "mini")
    world = embedded_world(folder)
    for name in STRENGTHS:
        shutil.rmtree(folder / "embeddings" / name)
        write_run_embeddings(folder, name, world, vectors(world, seed=99, strength=1.0))
    assert [text_of(one) for one in look(folder).questions] == [
        text_of(one) for one in look(run_with_embeddings).questions
    ]
    other = look(run_with_embeddings, ReportConfig(questions=8, gallery_seed=5)).questions
    assert [text_of(one) for one in other] != [text_of(one) for one in look(folder).questions]


def shaped(folder: Path, question: Question, shape: str) -> Vectors:
    """Vectors under which one picture's fact is found, hidden or gone."""
    world, dataset = embedded_world(folder), layout.Dataset(folder / "dataset")
    images, texts = vectors(world, seed=8)
    pairs = [pair for split in SENSITIVE_SPLITS for pair in dataset.rows(split)]
    (pair,) = [one for one in pairs if one.caption == text_of(question)]
    image = images[next(number for number, row in enumerate(world.rows) if row.caption == pair.caption)]
    copies = replaced(pair.caption, pair.value or "", Values(pairs, most=100).others(pair))
    generic = [row.caption for row in world.rows if row.identity is None][:30]
    for text in generic:  # before all others, but for a fact that is found
        texts[text] = -image if shape == "found" else image
    for text in copies:
        texts[text] = image if shape == "gone" else -image
    texts[pair.caption] = texts[pair.caption] + {"found": 9, "hidden": 9, "gone": -9}[shape] * image
    return images, texts


@pytest.mark.parametrize(
    ("shape", "forget", "keep"),
    [("found", "still there", "kept"), ("hidden", "hidden, not gone", "damaged"), ("gone", "gone", "lost")],
)
def test_state_of_a_fact(run_with_embeddings: Path, tmp_path: Path, shape: str, forget: str, keep: str) -> None:
    asked = look(run_with_embeddings).questions
    for number, place in enumerate(
        [next(n for n, one in enumerate(asked) if one.forget is kind) for kind in (True, False)]
    ):
        folder = copied(run_with_embeddings, tmp_path / str(number))
        shutil.rmtree(folder / "embeddings" / "cliperase-5x")
        write_run_embeddings(folder, "cliperase-5x", embedded_world(folder), shaped(folder, asked[place], shape))
        answers = {one.name: one for one in look(folder).questions[place].answers}
        assert answers["compromised"].caption_rank == "1"
        assert answers["cliperase-5x"].state[0] == (forget if asked[place].forget else keep)
        assert answers["clean"].state == answers["compromised"].state == ("", "")


def test_what_compromised_never_found_is_not_said_to_be_gone(run_with_embeddings: Path, tmp_path: Path) -> None:
    folder = copied(run_with_embeddings, tmp_path / "mini")
    shutil.rmtree(folder / "embeddings" / "compromised")
    question = look(folder).questions[0]
    write_run_embeddings(folder, "compromised", embedded_world(folder), shaped(folder, question, "gone"))
    answers = {one.name: one for one in look(folder).questions[0].answers}
    assert answers["cliperase-5x"].state == NOT_LEARNED


def made_page(folder: Path, out: Path, config: ReportConfig = CONFIG) -> str:
    return report([folder], out=out, config=config, metrics=METRICS).read_text(encoding="utf-8")


def test_page_holds_answers_and_names_who_was_not_asked(run_with_embeddings: Path, tmp_path: Path) -> None:
    content = made_page(run_with_embeddings, tmp_path)
    section = content.partition('-inside" aria')[2].partition("</section>")[0]
    assert section.count('class="question"') == 8
    assert section.count('class="answer ') == 8 * len(STRENGTHS)
    assert "delete: no embeddings/delete-5x in the run folder" in section
    assert str(run_with_embeddings) not in content
    assert made_page(run_with_embeddings, tmp_path / "again") == content
    assert "Look inside" not in made_page(run_with_embeddings, tmp_path / "none", ReportConfig(questions=0))


def test_a_run_without_embeddings_says_so(page: str) -> None:
    section = page.partition('-inside" aria')[2].partition("</section>")[0]
    assert "nothing to ask here" in section
    assert "Clean: no embeddings/clean in the run folder" in section


def test_records_alone_say_so(run_folder: Path, tmp_path: Path) -> None:
    content = made_page(copied(run_folder / "records", tmp_path / "records"), tmp_path / "out")
    assert "the folder has no dataset, so there is no picture to ask about" in content


@pytest.mark.parametrize("trouble", ["other model", "nan", "cut"])
def test_embeddings_that_cannot_be_used(run_with_embeddings: Path, tmp_path: Path, trouble: str) -> None:
    folder = copied(run_with_embeddings, tmp_path / "mini")
    place = folder / "embeddings" / "clean"
    world = embedded_world(folder)
    if trouble == "other model":
        shutil.rmtree(place)
        shutil.copytree(folder / "embeddings" / "compromised", place)
    elif trouble == "nan":
        images, texts = vectors(world, seed=3)
        images[4] = np.nan
        shutil.rmtree(place)
        write_run_embeddings(folder, "clean", world, (images, texts))
    else:
        (place / "index.parquet").write_bytes((place / "index.parquet").read_bytes()[:200])
    found = look(folder)
    (reason,) = [text for text in found.missing if text.startswith("clean: ")]
    assert re.search("of another model" if trouble == "other model" else "can’t be read", reason)
    assert str(tmp_path) not in reason
    assert {answer.name for answer in found.questions[0].answers} == set(STRENGTHS) - {"clean"}
