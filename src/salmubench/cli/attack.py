"""`salmubench attack`: what can be brought back of what was unlearnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision, names, references
from salmubench.cli.output import percent, print_json, print_table, say
from salmubench.core.executor import Executor


def attack_(
    models: list[Path],
    *,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    second_clean: str | None = None,
    out: Path,
    attacks: str = "all",
    recipe: str = "",
    repeats: int | None = None,
    seed: int = 0,
    executor: Executor = "joblib",
    workers: int = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> None:
    """Attack unlearnt models and their references, and say what comes back. Call it again to go on.

    Args:
        models: folders, or hf-hub:org/name[@revision].
        dataset: a folder or a Hub id, org/name[@revision].
        clean: the Clean model itself, not its embeddings: it is attacked like the others.
        compromised: the Compromised model itself.
        retrained: the Retrained model: a control, which must come out at 0.
        second_clean: Clean with another pretraining seed: another control.
        out: the folder; records and rows go to records/, finished work to attacks/.
        attacks: names or paths of Python files, comma-separated; `all`: every one (`salmubench list attacks`).
        recipe: name or path of a recipe whose sections `attack` and `score` count: at another scale than mini the rates
            and steps are others.
        repeats: how often each attack runs, with seeds counted up from `--seed`; the recipe's `attack.seeds` by
            default.
        seed: of what attackers draw.
        executor: where models are attacked side by side: processes of this machine, or a Ray cluster.
        workers: how many at once.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print the section `attacks` of each record.
    """
    first, second = references(clean, compromised)
    from salmubench.recovery import recover
    from salmubench.scoring.record_files import read_record

    config, scoring = _settings(recipe, attacks, repeats)
    paths = recover(
        models=models, dataset=dataset, clean=first, compromised=second, retrained=retrained,
        second_clean=second_clean, out=out, config=config, scoring=scoring, seed=seed, executor=executor,
        workers=workers, device=device, precision=precision,
    )  # fmt: skip
    records = [read_record(path) for path in paths]
    if json:
        print_json({record.model.name: record.attacks for record in records})
    else:
        _show(records)


def attack_rates_(
    recipe: Path,
    *,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    second_clean: str | None = None,
    out: Path,
    attacks: str = "all",
    repeats: int | None = None,
    seed: int = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> None:
    """Choose rates and steps of the attacks by the references alone, into a recipe. Call it again to go on.

    Compromised is unlearnt and attacked: the setting that brings back most counts, of those under which Retrained and a
    second Clean stay at 0.

    Args:
        recipe: a YAML file; its section `attack` counts, and what is chosen is written there. Made if missing.
        dataset: a folder or a Hub id, org/name[@revision].
        clean: the Clean model.
        compromised: the Compromised model.
        retrained: the Retrained model, a control; it or a second Clean is needed.
        second_clean: Clean with another pretraining seed, a control.
        out: the folder of what is tried.
        attacks: names or paths of Python files, comma-separated; `all`: every one with something to choose.
        repeats: how often each setting is tried, with seeds counted up from `--seed`; the recipe's `attack.seeds` by
            default.
        seed: of what attackers draw.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print what was tried and chosen.
    """
    first, second = references(clean, compromised)
    from salmubench.recovery.rates import choose_rates
    from salmubench.workflow.recipe import write_overrides

    config, scoring = _settings(str(recipe) if recipe.is_file() else "", attacks, repeats)
    chosen = choose_rates(
        dataset=dataset, clean=first, compromised=second, retrained=retrained, second_clean=second_clean, out=out,
        config=config, scoring=scoring, seed=seed, device=device, precision=precision,
    )  # fmt: skip
    write_overrides(recipe, chosen)
    if json:
        print_json(chosen)
        return
    tried = [(one, one.recovered) for one in chosen.tried]
    rows = [[one.attack, _words(one.options), percent(found.value), found.reason or ""] for one, found in tried]
    print_table(["attack", "setting", "recovered", ""], rows, numbers=["recovered"])
    for name, options in chosen.overrides.items():
        say(f"{name}: {_words(options)}")
    say(f"Written to {recipe}. Recovered of Compromised after unlearning, in %; a dash: no number, or a control fails.")


def _settings(recipe: str, attacks: str, repeats: int | None) -> tuple[Any, Any]:
    """How models are attacked and scored: as a recipe has it, or as by default."""
    from dataclasses import replace

    from salmubench.workflow import recipe as recipes

    loaded = recipes.load(recipe).recipe if recipe else recipes.Recipe()
    seeds = loaded.attack.seeds if repeats is None else repeats
    return replace(loaded.attack, attacks=tuple(names(attacks)), seeds=seeds), loaded.score if recipe else None


def _words(options: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items())


def _show(records: list[Any]) -> None:
    from salmubench.report.wording import PASSES

    listed = list(dict.fromkeys(name for record in records for name in record.attacks.scores))
    rows = []
    for record in records:
        found = [record.attacks.scores[name].main for name in listed]
        stays = PASSES.get(record.attacks.recoverable, "–")
        rows.append([record.model.name, *(percent(one and one.value) for one in found), stays])
    heads = ["model", *listed, "stays forgotten"]
    print_table(heads, rows, numbers=heads[1:-1])
    say("Recovery in %: 0 is Clean, 100 Compromised, under the same attack; people all of whose facts had to go.")
    reasons = {
        f"{name}: {score.reason}" for record in records for name, score in record.attacks.scores.items() if score.reason
    }
    for reason in sorted(reasons):
        say(f"  {reason}")
