"""Number formats and sentences."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from salmubench.report import contests, sentences, wording
from salmubench.report.collect import read_run
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import RunRecord, Verdict
from salmubench.scoring.verdict import OLD_THRESHOLDS, THRESHOLDS
from salmubench.unlearn.registry import method_titles


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 %"), (0.0042, "0.42 %"), (0.0000001, "0.00 %"), (-0.0000001, "0.00 %"), (0.00996, "1.0 %"),
     (0.0996, "10 %"), (1.0, "100 %"), (-0.123, "−12 %"), (None, "–"), (float("nan"), "–")],
)  # fmt: skip
def test_percent(value: float | None, text: str) -> None:
    assert wording.percent(value) == text.replace(" ", "\u202f")


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (-0.0001, "0.000"), (-0.4205, "−0.420"), (None, "–"), (float("inf"), "–")]
)
def test_number(value: float | None, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (119.4, "119 s"), (125.0, "2 min 05 s"), (7322.0, "2 h 02 min"), (None, "–")],
)
def test_seconds(value: float | None, text: str) -> None:
    assert wording.seconds(value).replace("\u202f", " ") == text


@pytest.mark.parametrize(("value", "text"), [(2**20, "1 MiB"), (1.5 * 2**30, "1.50 GiB"), (None, "–")])
def test_memory(value: float | None, text: str) -> None:
    assert wording.memory(value).replace("\u202f", " ") == text


@pytest.fixture(scope="module")
def by_name(run_folder) -> dict[str, RunRecord]:
    return {record.model.name: record for record in read_run(run_folder).records}


def judged(record: RunRecord, ineffective: str, catastrophic: str, over: str) -> RunRecord:
    return replace(record, verdict=Verdict(ineffective, catastrophic, over))  # type: ignore[arg-type]


def sentence(record: RunRecord) -> str:
    return sentences.sentence(record, THRESHOLDS).replace("\u202f", " ")


def test_sentence_names_what_fails(by_name: dict[str, RunRecord]) -> None:
    text = sentence(judged(by_name["cliperase-5x"], "no", "no", "yes"))
    assert text.startswith("forgets (0.")
    assert "keeps general knowledge (GenKnow" in text
    assert ", but over-generalises (the same people’s other associations pushed below Clean, K −1" in text
    assert text.endswith(" %).")


def test_sentence_of_a_hollow_model(by_name: dict[str, RunRecord]) -> None:
    record = by_name["cliperase-5x"]
    text = sentence(replace(record, verdict=Verdict("no", "no", "yes", hollow="yes")))
    assert ", but reveals the fact (" in text
    assert "of the fact left among other values" in text
    assert " and over-generalises (" in text


def test_sentence_without_failure(by_name: dict[str, RunRecord]) -> None:
    text = sentence(judged(by_name["my_method-5x"], "no", "no", "no"))
    assert text.endswith(": no failure mode found.")
    assert "but" not in text


def test_sentence_all_failing(by_name: dict[str, RunRecord]) -> None:
    text = sentence(judged(by_name["vlunlearn-5x"], "yes", "yes", "yes"))
    assert text.startswith("does not forget enough (5.")
    assert "at most 1 % passes" in text
    assert " and over-generalises (keeps only 5" in text


def test_sentence_undecided(by_name: dict[str, RunRecord]) -> None:
    text = sentence(judged(by_name["finetuning-5x"], "undecided", "undecided", "undecided"))
    assert text.startswith("undecided: whether it forgets (")
    assert text.count("whether") == 3


def test_below_clean_is_said(by_name: dict[str, RunRecord]) -> None:
    assert "below Clean" in sentence(by_name["direct_similarity_minimisation-5x"])


def test_a_share_is_never_kept_below_nothing(by_name: dict[str, RunRecord]) -> None:
    """What is pushed below a reference is said to be; no share that is left or kept is negative."""
    for record in by_name.values():
        if record.status == "complete" and record.model.method is not None:
            for verdict in (("yes", "yes", "yes"), ("no", "no", "no"), ("undecided",) * 3):
                text = sentence(judged(record, *verdict))
                assert not re.search(r"(keeps|keeps only|\() ?−\d", text), text


def test_rules_say_their_thresholds() -> None:
    rules = {mode: text.replace("\u202f", " ") for mode, text in wording.rules(THRESHOLDS).items()}
    assert rules["ineffective"].startswith(
        "L above 1 % of people all of whose facts must go, against Clean, or above 5 %"
    )
    assert "or its whole interval on classes that only pretraining saw" in rules["catastrophic"]
    assert "or above 5 % of people some of whose facts stay, against Retrained" in rules["ineffective"]
    assert "beyond ±" in rules["hollow"]
    assert list(rules) == [mode.name for mode in MODES]


def test_older_rules_are_told_without_what_they_lack() -> None:
    rules = wording.rules(OLD_THRESHOLDS)
    assert rules["ineffective"] == "L above 1\u202f%: the association can still be retrieved"
    assert rules["catastrophic"] == "D above 1\u202f%: general knowledge is lost"


def test_a_contest_tells_the_same_rules() -> None:
    told = dict(contests.mode_definitions(THRESHOLDS))
    for mode in MODES:
        assert told[mode.label].startswith(wording.rules(THRESHOLDS)[mode.name])


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ([("no", "no", "no"), ("no", "no", "yes")],
         "One of two methods avoids all three failure modes in this world: DELETE"),
        ([("no", "no", "no"), ("no", "no", "no")],
         "Two of two methods avoid all three failure modes in this world: DELETE and CLIPErase"),
        ([("yes", "no", "no"), ("no", "yes", "undecided")], "Each of two methods has a failure mode in this world"),
        ([("undecided", "no", "no"), ("no", "yes", "no")],
         "None of two methods is shown to avoid all three failure modes in this world; one may"),
        ([("yes", "no", "no")], "The one method judged has a failure mode in this world"),
        ([("no", "no", "no")], "The one method judged avoids all three failure modes in this world"),
        ([], "No method has been judged yet"),
    ],
)  # fmt: skip
def test_headline(by_name: dict[str, RunRecord], verdicts: list[tuple[str, str, str]], text: str) -> None:
    methods = [by_name["delete-5x"], by_name["cliperase-5x"]]
    records = [judged(record, *verdict) for record, verdict in zip(methods, verdicts, strict=False)]
    shown = [by_name["clean"], *records, by_name["salun-5x"]]
    assert sentences.headline(shown, wording.display_names(shown, method_titles())) == text
    # At a second budget each of them, with the same answers, they are as many methods as before.
    twice = [*shown, *(_at(record, 10.0) for record in records)]
    told = sentences.headline(twice, wording.display_names(twice, method_titles()))
    assert told.partition(":")[0].startswith(text.partition(":")[0])
    assert ("candidates" in sentences.tally(twice)) == bool(records)


def _at(record: RunRecord, budget: float) -> RunRecord:
    name = f"{record.model.method}-{budget:g}x"
    return replace(record, model=replace(record.model, name=name, budget=budget))


def test_tally_needs_no_second_reading(by_name: dict[str, RunRecord]) -> None:
    """Where no method passes the question about the fact, that isn't said with two negations."""
    methods = [by_name["delete-5x"], by_name["cliperase-5x"]]

    def told(*hollow: str) -> str:
        records = [judged(record, "no", "yes", "yes") for record in methods]
        return sentences.tally(
            [
                replace(record, schema_version=2, verdict=replace(record.verdict, hollow=state))
                for record, state in zip(records, hollow, strict=True)
                if record.verdict is not None
            ]
        )

    assert told("yes", "undecided").startswith(
        "Two of two methods forget, all reveal the fact or may, none keep general"
    )
    assert told("yes", "no").startswith("Two of two methods forget, one reveals no fact, none keep general knowledge")
    assert told("no", "no").startswith("Two of two methods forget, two reveal no fact, none keep")


def test_names(by_name: dict[str, RunRecord]) -> None:
    names = wording.display_names(list(by_name.values()), method_titles())
    assert names["negative_gradient-5x"] == "Negative Gradient"
    assert names["my_method-5x"] == "my_method"
    twin = replace(by_name["delete-5x"], model=replace(by_name["delete-5x"].model, name="delete-5x-again"))
    assert wording.display_names([by_name["delete-5x"], twin], method_titles()) == {
        "delete-5x": "delete-5x",
        "delete-5x-again": "delete-5x-again",
    }
