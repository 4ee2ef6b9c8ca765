"""The page: complete, escaped, self-contained, accessible, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from report_world import METRICS, WORLDS, items, record
from salmubench.core import manifest, writing
from salmubench.core.errors import ConfigError, MethodError, OutputError, RecordError
from salmubench.dataset import layout
from salmubench.report import wording
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import parts_of
from salmubench.scoring.record_files import (
    GALLERY_SCHEMA,
    read_record,
    write_failed,
    write_record,
)
from salmubench.unlearn.registry import method_titles

TITLES = method_titles()
EVIL = "<script>alert('x')</script><img src=https://evil.example/x.png onerror=alert(1)>&\"'"
VOID = {"meta", "img", "br", "link", "input", "hr", "wbr"}


class Page(HTMLParser):
    """Elements with attributes, text of each table's cells, and whether tags are balanced."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>, line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def shown(content: str) -> str:
    """The page's text with single spaces."""
    return " ".join("".join(Page(content).text).split())


def copy_run(run_folder: Path, target: Path) -> Path:
    shutil.copytree(run_folder, target)
    return target


def test_is_well_formed_and_ids_are_unique(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    ids = Counter(attributes["id"] for _, attributes in parsed.elements if "id" in attributes)
    assert max(ids.values()) == 1
    for _, attributes in parsed.elements:
        for key in ("aria-labelledby", "href"):
            target = attributes.get(key) or ""
            if key == "aria-labelledby" and target:
                assert target in ids
            if key == "href" and target.startswith("#"):
                assert target[1:] in ids


def test_loads_nothing_from_elsewhere(page: str) -> None:
    parsed = Page(page)
    for tag, attributes in parsed.elements:
        for key, value in attributes.items():
            if key in ("src", "href", "srcset", "poster", "data", "action", "xlink:href"):
                assert (value or "").startswith(("data:", "#")), (tag, key, value)
            assert not key.startswith("on"), (tag, key)
            assert key != "style", tag
    assert not {tag for tag, _ in parsed.elements} & {"link", "iframe", "object", "embed", "base", "form"}
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_policy_allows_just_our_style_and_script(page: str) -> None:
    policy = next(item for item in Page(page).all("meta") if item.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy["content"] or "")
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in (policy["content"] or "")


def test_size(page: str) -> None:
    assert len(page.encode()) < 2.5e6


def test_too_large_is_an_error(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"at most 0\.1 MB, got"):
        report([run_folder], out=tmp_path, config=ReportConfig(max_megabytes=0.1), metrics=METRICS)
    assert list(tmp_path.iterdir()) == []


def test_same_inputs_same_bytes(run_folder: Path, page: str, tmp_path: Path) -> None:
    again = report(
        [copy_run(run_folder, tmp_path / "mini")],
        out=tmp_path / "out",
        config=ReportConfig(),
        metrics=METRICS,
        titles=TITLES,
    )
    assert again.read_text(encoding="utf-8") == page
    assert sorted(path.name for path in again.parent.iterdir()) == ["index.html"]


def test_shows_every_number_of_every_record(run_folder: Path, page: str) -> None:
    text = shown(page)
    for name in WORLDS:
        found = read_record(run_folder / "records" / f"{name}.json")
        for metric, parts in found.scores.items():
            for part, score in parts.items():
                if not parts_of(METRICS[metric].items, METRICS[metric].groups)[
                    part
                ].table:  # of many parts a page shows the main one
                    continue
                where = (name, metric, part)
                assert wording.number(score.value) in text, where
                assert wording.interval(score.ci95) in text, where
                if score.normalised.value is not None:
                    assert " ".join(wording.percent(score.normalised.value).split()) in text, where
                if score.n:
                    assert f"n = {score.n:,}" in text, where


def test_cell_holds_the_record_s_number(run_folder: Path, page: str) -> None:
    """A cell is found by the row's title and the column's head; its sort key is the number at full precision."""
    found = read_record(run_folder / "records" / "cliperase-5x.json")
    table = next(part for part in page.split("<table")[1:] if "the goal is Clean" in part)
    heads = re.findall(r'<span class="head">(.*?)</span>', table.replace("<wbr>", ""))
    row = next(part for part in table.split("<tr")[1:] if 'title="cliperase-5x"' in part)
    cells = re.findall(r'<td[^>]*data-sort="([^"]*)"', row)
    keys = {"RetFail MRR": ("RetFail", "mrr"), "RetFail R@1": ("RetFail", "r1")}
    keys |= {f"{name} MRR": (name, "mrr") for name in ("FactRet", "FactRetPara", "RetFailPara")}
    keys |= {f"{name} known unseen": (name, "known_unseen") for name in ("FactRetOther", "FactRetNameless")}
    assert len(heads) == len(cells) == 11
    for head, cell in zip(heads, cells, strict=True):
        metric, part = keys.get(head, (head, "value"))
        assert float(cell) == found.scores[metric][part].value


def test_extension_is_marked(page: str) -> None:
    heads = re.findall(r"<th scope=\"col\"[^>]*>(?:(?!</th>).)*</th>", page.replace("<wbr>", ""), re.DOTALL)
    marked = [head for head in heads if "ext." in head]
    names = [re.findall(r'<span class="head">(.*?)</span>', head)[0] for head in marked]
    decisive, beside = names[:6], names[6:]
    assert decisive == [
        "FactRet MRR", "FactRetNameless known unseen", "FactRetOther known unseen", "FactRetPara MRR",
        "RetFailPara MRR", "FactHold MRR",
    ]  # fmt: skip
    assert set(beside) == {"PersonRet MRR", "FactHoldOther known unseen", "PersonHold MRR"}


def test_words_are_explained_before_they_are_used(page: str) -> None:
    """The first sentence of the page's results comes after the paragraph that says what its words mean."""
    text = shown(page).partition("Unlearning of private facts in CLIP")[2]
    first = text.index("failure mode")
    for word in (
        "Clean",
        "Compromised",
        "Retrained",
        "forget",
        "ineffective",
        "hollow",
        "catastrophic",
        "over-generalised",
    ):
        assert text.index(word) < first, word


def test_every_column_of_numbers_has_a_definition(page: str) -> None:
    heads = re.findall(
        r'<span class="head">(.*?)</span>\s*<button type="button" class="what" popovertarget="([^"]+)"',
        page.replace("<wbr>", ""),
    )
    described = dict(re.findall(r'<span class="define" id="([^"]+)" popover>(.*?)</span>', page))
    assert len(heads) == len(described) > 20
    assert all(len(described[target]) > 30 for _, target in heads)
    named = {name for name, _ in heads}
    assert {
        *(mode.answers[0].capitalize() for mode in MODES),
        "GenKnow",
        "RetFail MRR",
        "Leakage left L",
        "K inter-identity",
    } <= named
    fact = described[next(target for name, target in heads if name == "FactRet MRR")]
    assert "An extension" in fact


def test_tables_have_captions_and_scopes(page: str) -> None:
    parsed = Page(page)
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(attributes.get("scope") in ("row", "col") for attributes in parsed.all("th"))
    assert all(attributes.get("alt") for attributes in parsed.all("img"))
    for attributes in parsed.all("svg"):
        assert attributes.get("aria-hidden") == "true" or (
            attributes.get("role"),
            bool(attributes.get("aria-label")),
        ) == ("img", True)
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_tables_name_their_level(page: str) -> None:
    captions = re.findall(r'<table class="numbers-table[^>]*>\s*<caption><span[^>]*>(.*?)</span>', page)
    assert len(captions) > 5
    assert all(caption.endswith(", one world") for caption in captions), captions


def test_the_plot_says_what_its_axes_are(page: str) -> None:
    damage = shown(page.partition('-damage" aria')[2].partition("</section>")[0])
    assert "by what is left of what should go (ineffective, hollow), up by what is lost of what should stay" in damage
    assert "(catastrophic, over-generalised), in multiples of the limit" in damage


def test_why_a_method_failed_stands_once(page: str) -> None:
    assert page.count("loss is not finite") == 1
    assert page.count("failed: “At a glance” says why") > 1


def test_references_stay_on_top(page: str) -> None:
    for table in page.split('<table class="numbers-table')[1:]:
        fixed, moving = table.split('<tbody class="methods">')
        if "The four questions" in fixed:  # asked of what has unlearned
            continue
        assert 'class="clean' in fixed
        assert 'class="compromised' in fixed
        assert 'class="clean' not in moving[: moving.index("</tbody>")]


def test_verdicts_come_with_sentences(page: str) -> None:
    text = shown(page)
    assert "CLIPErase forgets (" in text
    assert "but over-generalises (the same people’s other associations pushed below Clean, K −" in text
    assert "Direct Similarity Minimisation forgets" in text
    assert "SalUn failed at step 12: loss is not finite" in text


def test_everything_untrusted_is_escaped(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_run(run_folder, tmp_path / "run")
    dataset = layout.Dataset(folder / "dataset")
    path = folder / "records" / "my_method-5x.json"
    found = read_record(path)
    changed = replace(
        found,
        model=replace(found.model, name="my_method-5x", method=EVIL, config_given={EVIL: EVIL}),
        dataset=replace(found.dataset, name=EVIL),
        notes=(EVIL,),
        scores={**found.scores, EVIL: {"value": replace(found.scores["AssocStr"]["value"], value=None, reason=EVIL)}},
    )
    writing.write_json(path, changed)
    write_failed(
        folder / "records/salun-5x.json",
        model="salun-5x",
        error=MethodError("salun", 3, EVIL),
        dataset=dataset,
        budget=5.0,
    )
    for name in WORLDS:
        side = folder / "records" / f"{name}.items.parquet"
        table = pq.ParquetFile(side).read()
        captions = [EVIL + text for text in table.column("caption").to_pylist()]
        pq.write_table(
            table.set_column(table.column_names.index("caption"), table.schema.field("caption"), [captions]), side
        )
    people = manifest.read_json(folder / "dataset" / layout.IDENTITIES)
    writing.write_json(
        folder / "dataset" / layout.IDENTITIES, {key: {**value, "name": EVIL} for key, value in people.items()}
    )
    curves = folder / "checkpoints" / "my_method-5x" / "curves.parquet"
    table = pq.ParquetFile(curves).read()
    names = [EVIL if name == "forget_term" else name for name in table.column("name").to_pylist()]
    pq.write_table(table.set_column(2, "name", [names]), curves)
    info = manifest.read_json(folder / "run.json")
    writing.write_json(folder / "run.json", {**info, "recipe": EVIL, "stages": [{"name": EVIL, "seconds": 1}]})

    content = report([folder], out=tmp_path / "out", config=ReportConfig(title=EVIL), metrics=METRICS).read_text(
        encoding="utf-8"
    )
    parsed = Page(content)
    assert len(parsed.all("script")) == 1
    assert all((item["src"] or "").startswith("data:image/jpeg") for item in parsed.all("img"))
    assert not [key for _, attributes in parsed.elements for key in attributes if key.startswith("on")]
    assert shown(content).count("alert('x')") > 20
    assert parsed.open == []


def test_missing_numbers_say_why(run_folder: Path, tmp_path: Path) -> None:
    dataset = layout.Dataset(run_folder / "dataset")
    absent = ("GenKnow", "IdZSC")
    for name in ("clean", "compromised", "delete-5x"):
        table = items(WORLDS[name], dataset, without=absent)
        made = record(name, table, dataset, without=absent)
        write_record(tmp_path / f"{name}.json", made, items=table, gallery=GALLERY_SCHEMA.empty_table())
    page = report([tmp_path], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    content = page.read_text(encoding="utf-8")
    text = shown(content)
    assert "IdZSC: no idzsc pairs in the dataset" in text
    assert "GenKnow: no genknow pairs in the dataset" in text
    cells = re.findall(
        r'<td[^>]*data-sort="" title="no idzsc pairs in the dataset"><span class="value">–<sup>1</sup>', content
    )
    assert len(cells) == 3
    assert "undecided: " in text
    assert "Not drawn: DELETE" in text  # without reference values in its items it has no normalised numbers


def test_only_failed_methods(run_folder: Path, tmp_path: Path) -> None:
    for name in ("clean", "compromised", "salun-5x"):
        for path in (run_folder / "records").glob(f"{name}.*"):
            shutil.copy(path, tmp_path / path.name)
    page = report([tmp_path], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    text = shown(page.read_text(encoding="utf-8"))
    assert "No method has been judged yet." in text
    assert text.count("failed at step 12: loss is not finite") == 1


def test_method_without_references(run_folder: Path, tmp_path: Path) -> None:
    for path in (run_folder / "records").glob("delete-5x.*"):
        shutil.copy(path, tmp_path / path.name)
    page = report([tmp_path], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    content = page.read_text(encoding="utf-8")
    found = read_record(tmp_path / "delete-5x.json").scores["AssocStr"]["value"]
    row = next(part for part in content.split("<tr")[1:] if "is-goal" in part)
    assert wording.number(found.clean) in row


def test_several_runs_on_one_page(run_folder: Path, tmp_path: Path) -> None:
    other = copy_run(run_folder, tmp_path / "other")
    (other / "records" / "my_method-5x.json").unlink()
    page = report([run_folder, other], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    content = page.read_text(encoding="utf-8")
    parsed = Page(content)
    assert len(parsed.all("article")) == 2
    ids = Counter(attributes["id"] for _, attributes in parsed.elements if "id" in attributes)
    assert max(ids.values()) == 1
    assert "#run2" in content


@pytest.mark.parametrize("budgets", [("5x",), ("1x", "5x")])
def test_budget_is_named_only_where_several(run_folder: Path, tmp_path: Path, budgets: tuple[str, ...]) -> None:
    found = read_record(run_folder / "records" / "delete-5x.json")
    for budget in budgets:
        model = replace(found.model, name=f"delete-{budget}", budget=float(budget[:-1]))
        writing.write_json(tmp_path / f"delete-{budget}.json", replace(found, model=model))
    page = report([tmp_path], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    text = shown(page.read_text(encoding="utf-8"))
    assert ("DELETE 5×" in text) == (len(budgets) == 2)


@pytest.mark.parametrize("odd", [7, "text", {"a": [1]}, [None, 2.5], True, None])
def test_hardware_may_be_described_in_any_way(run_folder: Path, tmp_path: Path, odd: object) -> None:
    copy = copy_run(run_folder, tmp_path / "run")
    for path in [*copy.glob("records/*.json"), *([copy / "run.json"] if (copy / "run.json").is_file() else [])]:
        content = manifest.read_json(path)
        content["provenance"] = {**(content.get("provenance") or {})}
        content["provenance"]["hardware"] = dict.fromkeys(("cpu", "cores", "memory", "gpu", "instructions"), odd)
        writing.write_json(path, content)
    page = report([copy], out=tmp_path / "page", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    Page(page.read_text(encoding="utf-8"))


def test_no_runs() -> None:
    with pytest.raises(ConfigError, match="at least one run folder"):
        report([], out=Path("unused"), config=ReportConfig(), metrics=METRICS)


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="got none. Run or score first"):
        report([tmp_path], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS)


def test_broken_curves(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_run(run_folder, tmp_path / "run")
    (folder / "checkpoints" / "delete-5x" / "curves.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(RecordError, match=r"a parquet table at .*curves\.parquet"):
        report([folder], out=tmp_path / "out", config=ReportConfig(), metrics=METRICS)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"questions": -1}, "questions"), ({"curve_points": 1}, "curve_points"), ({"title": " "}, "title")],
)
def test_options_are_checked(change: dict[str, object], name: str) -> None:
    with pytest.raises(ConfigError, match=f"report.{name}"):
        ReportConfig(**change)  # type: ignore[arg-type]


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_has_contrast(page: str, theme: int) -> None:
    """4.5:1 for every text colour on every ground it stands on."""
    block = re.findall(r":root \{(.*?)\}", page, re.DOTALL)[theme]
    colours = dict(
        re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.sub(r"#([0-9a-f])([0-9a-f])([0-9a-f])\b", r"#\1\1\2\2\3\3", block))
    )
    for text in ("ink", "soft", "clean", "compromised", "good", "bad", "open", "after"):
        for ground in ("paper", "fails", "passes"):
            light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
