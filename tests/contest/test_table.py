"""What follows from records, on invented ones: counts, intervals and pairs computed again by scipy, pages, boards."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from contest_world import BAD, EVIL, LEAKAGE, base_record, hostile, summed, worlds
from salmubench.cli.main import main
from salmubench.contest.again import checked
from salmubench.contest.page import write
from salmubench.contest.rows import numbers_of, outcome_of
from salmubench.contest.table import ReadWorld
from salmubench.core import writing
from salmubench.core.errors import RecordError
from salmubench.report import contests, wording
from salmubench.scoring.attacks.record import AttackInfo, Attacks, AttackScore, Recovery
from salmubench.scoring.contest_record import ContestRecord, Decided, Decision, read_contest
from salmubench.scoring.origin import Failure
from salmubench.scoring.record import RunRecord
from salmubench.scoring.verdict import THRESHOLDS


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return base_record(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def contest(base: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> ContestRecord:
    return summed(tmp_path_factory.mktemp("summed"), worlds(base))


def test_counts_by_hand(contest: ContestRecord) -> None:
    first, second = contest.rows
    assert first.outcomes == {"passes": 4, "undecided": 1, "fails": 1}
    assert first.modes["hollow"] == {"no": 5, "undecided": 1}
    assert first.modes["over_generalised"] == {"no": 5, "yes": 1}
    assert second.outcomes == {"fails": 6}
    assert contest.retrained is not None
    assert contest.retrained.modes["catastrophic"] == {}


def test_decisions_are_the_rules(contest: ContestRecord) -> None:
    first, second = contest.rows
    for row in (first, second):
        assert row.decision is not None
        assert row.decision.answer == "fails", "its K is far below .9 in every world"
        assert set(row.decision.why) == {view.name for view in row.views if view.answer == "beyond"}
        assert sum(row.decision.without_one.values()) == 6
    drop = next(view for view in first.views if view.name == "GenKnow value")
    known = [value / 2 for value in LEAKAGE[first.name] if value is not None]
    reference = stats.ttest_1samp(known, 0.0).confidence_interval(0.9)
    assert drop.ci90 == pytest.approx(tuple(reference))
    assert (drop.low, drop.high, drop.worlds) == (None, THRESHOLDS.catastrophic, 6)
    assert contest.retrained is not None
    assert "GenKnow value" not in {view.name for view in contest.retrained.views}, "another training"
    assert contests.headline(contest) == "Exploratory: of 2 methods over 6 worlds 0 pass, 2 fail and 0 are open"


def decided(contest: ContestRecord, *answers: Decided) -> ContestRecord:
    """The contest with these decisions about its candidates."""
    rows = [
        replace(row, decision=Decision(answer, () if answer == "passes" else ("D",), None, None, {}))
        for row, answer in zip(contest.rows, answers, strict=True)
    ]
    return replace(contest, rows=tuple(rows))


def test_the_headline_counts_and_names(contest: ContestRecord, base: RunRecord, tmp_path: Path) -> None:
    told = contests.headline(decided(contest, "passes", "open"))
    assert told == "Exploratory: of 2 methods over 6 worlds 1 passes (DELETE), 0 fail and 1 is open"
    decisive = replace(contest, plan=replace(contest.plan, standing="decisive"))
    assert contests.headline(decided(decisive, "fails", "open")).startswith("Of 2 methods over 6 worlds 0 pass, 1")
    lost = [ReadWorld(world.seed, "no room") for world in worlds(base)]
    assert contests.headline(summed(tmp_path, lost)) == "No evaluation world could be scored"


def test_over_two_worlds_nothing_is_decided(base: RunRecord, tmp_path: Path) -> None:
    scored = worlds(base)
    lost = [ReadWorld(world.seed, "no room") for world in scored[2:]]
    contest = summed(tmp_path, [*scored[:2], *lost])
    assert contest.plan.standing == "refused"
    assert {row.decision for row in contest.rows} == {None}
    assert contests.headline(contest) == "Nothing is decided: 2 worlds"
    assert any(note.startswith("Over fewer than 3 worlds nothing is decided") for note in contest.notes)


def test_records_of_two_versions_are_refused(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    record, sha256 = found[3].records["apart-1x"]
    other = replace(record, benchmark_version=(record.benchmark_version or 0) + 1)
    found[3] = replace(found[3], records={**found[3].records, "apart-1x": (other, sha256)})
    with pytest.raises(RecordError, match=r"one benchmark_version, got .* and .*\(apart-1x, world 204\)"):
        summed(tmp_path, found)


def test_a_world_without_retrained_is_refused(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    found[1] = replace(found[1], records={k: v for k, v in found[1].records.items() if k != "retrained"})
    with pytest.raises(RecordError, match="Expected a record of retrained-2 in the evaluation world 202, got none"):
        summed(tmp_path, found)


def test_intervals_are_those_of_scipy(contest: ContestRecord) -> None:
    for row in contest.rows:
        known = [value for value in LEAKAGE[row.name] if value is not None]
        reference = stats.ttest_1samp(known, 0.0).confidence_interval(0.95)
        assert row.numbers["leakage"].worlds == len(known)
        assert row.numbers["leakage"].mean == pytest.approx(sum(known) / len(known))
        assert row.numbers["leakage"].ci95 == pytest.approx(tuple(reference))
        assert row.numbers["drop"].mean == pytest.approx(sum(known) / len(known) / 2)


def test_pairs_are_those_of_scipy_and_holm_counts_them_all(contest: ContestRecord) -> None:
    numbers = {pair.number: pair for pair in contest.differences}
    both = [(a, b) for a, b in zip(LEAKAGE["delete-1x"], LEAKAGE["apart-1x"], strict=True) if b is not None]
    pair = numbers["leakage"]
    assert (pair.first, pair.second, pair.worlds) == ("delete-1x", "apart-1x", 5)
    assert pair.p == pytest.approx(stats.ttest_rel(*zip(*both, strict=True)).pvalue)
    tested = sorted(item.p for item in contest.differences if item.p is not None)
    assert len(tested) == 4, "all that have a p, those of numbers that never differ too"
    largest = 0.0
    for item in sorted((item for item in contest.differences if item.p is not None), key=lambda item: item.p or 0.0):
        largest = max(largest, min(1.0, item.p * (len(tested) - tested.index(item.p))))  # type: ignore[operator,arg-type]
        assert item.p_holm == pytest.approx(largest)


def test_numbers_of_a_record_by_hand(base: RunRecord) -> None:
    found = numbers_of(base)
    assert found["leakage"] == base.scores["RetFail"]["mrr"].normalised.value
    assert found["fact"] == base.scores["FactRet"]["mrr"].normalised.value
    kept = [base.scores[name]["value"].normalised.value for name in ("InterIdSim", "IntraIdSim")]
    assert found["kept"] == min(kept)  # type: ignore[type-var]
    held = [base.scores["FactHold"][f"mrr_{group}"].normalised.value for group in ("identity", "association")]
    assert found["facts_kept"] == (min(held) if None not in held else None)  # type: ignore[type-var]
    assert found["recovered"] is None
    info = AttackInfo("Few-shot", "few", "clean", "leakage", "0" * 8, {})
    score = AttackScore(info, None, {"leakage": Recovery(0.4, (0.3, 0.5), None), "fact": Recovery(0.9, (0.8, 1), None)})
    attacks = Attacks("yes", "fewshot", 0.05, (0,), 1, 1, {}, "", 10, {"fewshot": score})
    assert numbers_of(replace(base, attacks=attacks))["recovered"] == 0.4
    silent = replace(attacks, recoverable=None, strongest=None, scores={"fewshot": AttackScore(info, "no rows")})
    assert numbers_of(replace(base, attacks=silent))["recovered"] is None


def test_a_candidate_that_failed_counts_as_failed(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    broken = replace(
        found[1].records["delete-1x"][0], status="failed", error=Failure("delete", 3, EVIL), scores={}, verdict=None
    )
    assert outcome_of(broken) == "failed"
    found[1] = replace(found[1], records={**found[1].records, "delete-1x": (broken, "x")})
    row = summed(tmp_path, found).rows[0]
    assert row.outcomes["failed"] == 1
    assert row.numbers["leakage"].worlds == 5
    assert row.worlds["202"].message == f"failed at step 3: {EVIL}"


def test_without_a_second_retrained_nothing_is_decisive(contest: ContestRecord) -> None:
    assert contest.plan.standing == "exploratory"
    assert any(note.startswith("No second Retrained is judged in every world") for note in contest.notes)


def test_where_the_exact_answer_does_not_pass_it_is_said(base: RunRecord, tmp_path: Path) -> None:
    found = [
        replace(world, records={**world.records, "retrained-2": world.records["retrained"]}) for world in worlds(base)
    ]
    contest = summed(tmp_path, found)
    row = contest.retrained
    assert row is not None
    assert row.decision is not None
    assert row.decision.answer == "fails"
    (note,) = (note for note in contest.notes if note.startswith("Retrained"))
    assert note.startswith(
        f"Retrained, the exact answer, fails in {', '.join(row.decision.why)}: the rule asks for too"
    )
    assert contests.tally(contest).endswith("This contest decides nothing about methods: see the notes.")
    passed = replace(contest, retrained=replace(row, decision=replace(row.decision, answer="passes", why=())))
    assert f"passes all {len(row.views)} views that apply to it" in contests.tally(passed)


def test_an_attack_that_says_nothing_is_named(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    info = AttackInfo("Few-shot", "few", "clean", "leakage", "0" * 8, {})
    said = AttackScore(info, None, {"leakage": Recovery(0.4, (0.3, 0.5), None)})
    silent = AttackScore(info, "its control comes back")
    records = dict(found[1].records)
    for name, score in (("delete-1x", silent), ("apart-1x", said)):
        record, sha256 = records[name]
        attacks = Attacks("yes", "fewshot", 0.05, (0,), 1, 1, {}, "", 10, {"fewshot": said, "benign": score})
        records[name] = (replace(record, attacks=attacks), sha256)
    found[1] = replace(found[1], records=records)
    identity = {"the attack fewshot": "0" * 8, "the attack benign": "0" * 8}
    contest = summed(tmp_path, found, identity=identity)
    assert (
        "In world 202 the attack benign says nothing of 1 of 2 models (its control comes back): R there is that of the "
        "others."
    ) in contest.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"engine": {"lr": 1.0}}}, "apart-1x in the evaluation world 204 .* the options that the worlds"),
        ({"method_sha256": "0" * 64}, "apart-1x in the evaluation world 204 .* the method apart"),
    ],
)
def test_a_candidate_of_another_content_is_refused(
    base: RunRecord, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    found = worlds(base)
    record, sha256 = found[3].records["apart-1x"]
    other = replace(record, model=replace(record.model, **change))
    found[3] = replace(found[3], records={**found[3].records, "apart-1x": (other, sha256)})
    with pytest.raises(RecordError, match=message):
        summed(tmp_path, found)


def test_records_of_a_changed_checkout_are_told(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    record, sha256 = found[0].records["apart-1x"]
    other = replace(record, provenance=replace(record.provenance, commit="c" * 40, dirty=True))
    found[0] = replace(found[0], records={**found[0].records, "apart-1x": (other, sha256)})
    assert "c" * 40 + ", with uncommitted changes" in summed(tmp_path, found).worlds[0].commits


def test_a_second_retrained_takes_the_row(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    second = replace(found[0].records["retrained"][0], verdict=BAD)
    found[0] = replace(found[0], records={**found[0].records, "retrained-2": (second, "second")})
    contest = summed(tmp_path, found)
    assert contest.retrained is not None
    assert contest.retrained.worlds["201"].record == "second"
    assert contest.retrained.worlds["201"].outcome == "fails"


def test_what_cannot_be_compared_is_refused(base: RunRecord, tmp_path: Path) -> None:
    found = worlds(base)
    assert base.protocol is not None
    other = replace(base.protocol, thresholds=replace(THRESHOLDS, fact=0.05))
    moved = replace(found[2].records["delete-1x"][0], protocol=other)
    changed = replace(found[2], records={**found[2].records, "delete-1x": (moved, "x")})
    with pytest.raises(RecordError, match="got others for delete-1x in the evaluation world 203"):
        summed(tmp_path, [*found[:2], changed])
    gone = replace(found[2], records={"retrained": found[2].records["retrained"]})
    with pytest.raises(RecordError, match="Expected a record of delete-1x in the evaluation world 203, got none"):
        summed(tmp_path, [gone])


def test_only_the_pairs_that_were_asked_for(base: RunRecord, tmp_path: Path) -> None:
    three = [{"method": "delete"}, {"method": "apart.py"}, {"method": "delete", "name": "again"}]
    found = [
        replace(world, records={**world.records, "again-1x": world.records["delete-1x"]}) for world in worlds(base)
    ]
    compare = {"methods": ["apart"], "numbers": ["leakage", "drop"]}
    contest = summed(tmp_path, found, methods=three, compare=compare)
    assert {(pair.first, pair.second) for pair in contest.differences} == {
        ("delete-1x", "apart-1x"), ("apart-1x", "again-1x"),
    }  # fmt: skip
    assert len(contest.differences) == 4
    assert [row.title for row in contest.rows] == ["DELETE, delete", "apart", "DELETE, again"]


class Tags(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def check_page(page: str) -> Tags:
    """Headings in order, tables named, drawings described."""
    tags = Tags(page)
    levels = [int(tag[1]) for tag, _ in tags.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(attributes.get("scope") in ("row", "col") for attributes in tags.all("th"))
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") for attributes in tags.all("svg"))
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes["href"][1:] in ids for attributes in tags.all("a") if (attributes["href"] or "")[:1] == "#")  # type: ignore[index]
    return tags


def test_the_page_shows_the_numbers(contest: ContestRecord, tmp_path: Path) -> None:
    page = write(tmp_path, contest).read_text(encoding="utf-8")
    tags = check_page(page)
    assert read_contest(tmp_path / "contest.json") == contest
    row = next(part for part in page.split("<tr")[1:] if 'title="delete-1x"' in part)
    assert [float(cell) for cell in re.findall(r'data-sort="([^"]*)"', row)[3:8]] == pytest.approx(
        [0, 1 / 7, 0, 1, 0.008], abs=1e-3
    )
    assert "fails" in row
    assert "1 undecided" in row
    assert "Views that decide, over worlds" in page
    drawn = [attributes for attributes in tags.all("svg") if "worlds" in (attributes.get("class") or "")]
    labels = [item["aria-label"] or "" for item in drawn]
    (first,) = (label for label in labels if label.startswith("GenKnow value, a dot a world"))
    assert "apart 15\u202f%, 10\u202f%, 17\u202f%, 14\u202f%, 16\u202f%" in first
    dots = page.split("GenKnow value, a dot a world")[1].split("</svg>")[0].count('class="dot"')
    assert dots == 6 + 5, "Retrained isn't judged by general knowledge"
    drop = next(view for view in contest.rows[0].views if view.name == "GenKnow value")
    assert drop.values == pytest.approx([None if value is None else value / 2 for value in LEAKAGE["delete-1x"]])
    assert page.count('class="within"') == len({view.name for row in contest.rows for view in row.views})
    assert contest.plan.sha256 in page
    before = (tmp_path / "index.html").stat().st_mtime_ns
    write(tmp_path, replace(contest, provenance=replace(contest.provenance, started="2030-01-01T00:00:00+00:00")))
    assert (tmp_path / "index.html").stat().st_mtime_ns == before


def test_drawings_tell_apart_a_method_that_takes_part_twice(contest: ContestRecord, tmp_path: Path) -> None:
    twice = [f"Counterfactual Redirection, redirection_{track}" for track in ("closed", "generator")]
    rows = tuple(replace(row, title=title) for row, title in zip(contest.rows, twice, strict=True))
    page = write(tmp_path, replace(contest, rows=rows)).read_text(encoding="utf-8")
    drawing = page.split("GenKnow value, a dot a world")[1].split("</svg>")[0]
    names = re.findall(r'text-anchor="end"[^>]*>([^<]*)<', drawing)
    assert len(names) == len(set(names)) == 2
    assert [name[-3:] for name in names] == ["sed", "tor"]


def test_every_view_that_decides_has_its_number(contest: ContestRecord, tmp_path: Path) -> None:
    page = write(tmp_path, contest).read_text(encoding="utf-8")
    table = page.split("Views that decide")[1].split("</table>")[0]
    means = [view.mean for row in contest.rows for view in row.views if view.mean is not None]
    assert len(means) > 4
    assert all(wording.percent(mean) in table for mean in means)


def test_the_board_has_a_section_for_it(contest: ContestRecord, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    writing.write_json(tmp_path / "contest.json", contest)
    line = ["leaderboard", "build", str(tmp_path / "results"), "--out", str(tmp_path / "site")]
    assert main([*line, "--contest", str(tmp_path / "contest.json")]) == 0
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    check_page(page)
    assert contests.headline(contest) in page
    writing.write_json(tmp_path / "contest.json", hostile(contest))
    assert main([*line, "--contest", str(tmp_path / "contest.json")]) == 0
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    tags = check_page(page)
    assert "&lt;script&gt;window.hacked=1" in page
    assert len(tags.all("script")) == 1
    assert not tags.all("img")
    assert main(line) == 0
    assert "Equal pairs" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 1}, "schema_version 2 .*--decide-again"),
        ({"schema_version": "2"}, "schema_version 2"),
        ({"rows": [{"name": "mine"}]}, r"rows\[0\]"),
        ({"surprise": 1}, "only known keys"),
        ({"notes": ["x" * 30_000]}, "at most 20000 characters"),
        ({"retrained": {}}, "retrained"),
    ],
)
def test_a_result_that_is_none_is_refused(
    contest: ContestRecord, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "contest.json").write_text(json.dumps({**writing.plain(contest), **change}))
    with pytest.raises(RecordError, match=message):
        checked(tmp_path / "contest.json")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("rows", 0, "numbers", "drop"), None, r"have drop too at .*rows\[0\]\.numbers"),
        (("retrained", "worlds", "201", "numbers", "fact"), None, "have fact too at .*retrained"),
        (("rows", 0, "league"), "elsewhere", "leagues that there are, not 'elsewhere'|be of leagues that there are"),
        (("rows", 0, "worlds", "9"), "a copy", "worlds that there are, not '9'"),
        (("rows", 0, "modes", "hollow", "no"), -1, r"be greater than or equal to 0 at .*rows\[0\]\.modes\.hollow\.no"),
        (("differences", 0, "second"), "nobody", "rows of one league, not 'nobody'"),
    ],
)
def test_a_result_that_lacks_what_it_speaks_of(
    place: tuple[str | int, ...], value: Any, message: str, contest: ContestRecord, tmp_path: Path
) -> None:
    write(tmp_path, contest)
    content = json.loads((tmp_path / "contest.json").read_text(encoding="utf-8"))
    *outer, last = place
    parent = content
    for key in outer:
        parent = parent[key]
    if value is None:
        del parent[last]
    else:
        parent[last] = next(iter(parent.values())) if value == "a copy" else value
    (tmp_path / "contest.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError, match=message):
        read_contest(tmp_path / "contest.json")
