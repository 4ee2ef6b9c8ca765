"""The engine, and every method of the folder through it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from salmubench.clip import models
from salmubench.core.errors import ConfigError, DatasetError, MethodError, OutputMismatch, StageError, UnknownName
from salmubench.dataset import layout
from salmubench.unlearn import UnlearnConfig, load_method, method_names
from salmubench.unlearn.failures import TRACEBACK
from salmubench.unlearn.registry import configure
from salmubench.unlearn.state import CHECKPOINT, layer_of
from tiny import tiny_dataset
from unlearn_runs import FAST, Runner, curve, record, weights

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"
ALL = [*method_names(), str(EXAMPLE)]
FORGETTING: list[tuple[str, dict[str, Any]]] = [
    ("shuffled_captions", {}),
    ("direct_similarity_minimisation", {}),
    ("negative_gradient", {}),
    ("cliperase", {}),
    ("cliperase", {"variant": "released"}),
    ("delete", {}),
    ("delete", {"variant": "released"}),
    ("vlunlearn", {}),
    ("vlunlearn", {"variant": "released"}),
    (str(EXAMPLE), {}),
]


def test_options_stand_beside_a_name_or_in_the_method(run: Runner) -> None:
    configured = configure(load_method("delete"), FAST)
    with pytest.raises(ConfigError, match="beside a method's name only"):
        run(configured, settings=FAST)
    same = [weights(run(method, name=name, settings=settings)) for method, name, settings in (
        (configured, "a", None), ("delete", "b", FAST),
    )]  # fmt: skip
    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])


@pytest.mark.parametrize("method", ALL)
def test_every_method(method: str, run: Runner, leaking_model: Path, tiny_folder: Path) -> None:
    """Parameters move, the record is complete, the same seed gives the same bytes."""
    out = run(method, budget=2)
    before, after = weights(leaking_model), weights(out)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in after.values())
    written = record(out)
    forget = layout.open_dataset(tiny_folder).counts["forget"]
    assert written["stage"] == "unlearn"
    assert written["config_given"] == {}
    assert written["config"]["engine"]["lr"] == load_method(method).settings.get("lr", 1e-3)
    if written["cost"]["steps"]:
        assert written["cost"]["pairs"] == 2 * forget
    else:
        assert written["cost"]["pairs"] <= 2 * forget, "an edit without steps may look at fewer"
    if load_method(method).kind == "loop":
        assert written["cost"]["steps"] == math.ceil(2 * forget / 8)
    assert written["cost"]["seconds"] > 0
    assert written["cost"]["peak_memory"] > 0
    assert written["outputs"]["cost"] == written["cost"]
    assert written["outputs"]["sha256"] == models.checkpoint_sha256(out)
    assert {"l2", "relative"} == set(written["outputs"]["movement"]["token_embedding"])
    assert len(curve(out, "loss")) == written["cost"]["steps"]
    assert models.load_model(out).config == models.load_model(leaking_model).config
    assert not list(out.glob("*.tmp"))
    again = run(method, budget=2, name="again")
    for name in (models.WEIGHTS, "curves.parquet"):
        assert (out / name).read_bytes() == (again / name).read_bytes()


@pytest.mark.parametrize(("method", "config"), FORGETTING)
def test_forget_similarity_falls(method: str, config: dict[str, Any], run: Runner) -> None:
    # The same batches and captions for all; what else the released engine does is tested beside it.
    same = {load_method(method).name: {"batch_size": 8, "captions": "as_given"}}
    out = run(method, config=config, settings=dataclasses.replace(FAST, overrides=same))
    probes = curve(out, "probe_forget_similarity")
    assert len(probes) == 4
    assert probes[0] > 0.4, "the fixture's model knows its pairs"
    assert probes[-1] < probes[0] - 0.02
    assert record(out)["config"]["method"] == {**record(out)["config"]["method"], **config}


def test_finetuning_keeps_retain(run: Runner) -> None:
    out = run("finetuning", settings=dataclasses.replace(FAST, lr=3e-4))
    probes = curve(out, "probe_retain_similarity")
    assert probes[-1] > probes[0] - 0.15
    assert record(out)["outputs"]["pairs"] == {"retain": record(out)["cost"]["pairs"]}


def test_noise_of_the_release(run: Runner, leaking_model: Path) -> None:
    """No step; the noise on every weight has the theorem's size."""
    out = run("descent_to_delete", config={"variant": "released"})
    before, after = weights(leaking_model), weights(out)
    noise = torch.cat([(after[name] - before[name]).reshape(-1) for name in before])
    assert float(noise.std()) == pytest.approx(0.0734, rel=0.01)
    assert record(out)["outputs"]["report"]["sigma"] == pytest.approx(0.0734, abs=5e-5)
    assert record(out)["cost"] == {**record(out)["cost"], "steps": 0, "pairs": 0}


@pytest.mark.parametrize(("towers", "frozen"), [("text", "visual."), ("image", "token_embedding.")])
def test_frozen_tower_stays(towers: str, frozen: str, run: Runner, leaking_model: Path) -> None:
    out = run("cliperase", config={"towers": towers}, budget=1)
    before, after = weights(leaking_model), weights(out)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if name.startswith(frozen) or name == "logit_scale"]
    assert (towers == "image") == any(name.startswith("visual.") for name in moved)
    assert record(out)["config_given"] == {"towers": towers}


def test_second_call_does_nothing(run: Runner) -> None:
    out = run("finetuning", budget=1)
    stamp = (out / models.WEIGHTS).stat().st_mtime_ns
    assert run("finetuning", budget=1) == out
    assert (out / models.WEIGHTS).stat().st_mtime_ns == stamp
    with pytest.raises(OutputMismatch, match="budget: 1 there, 2 asked"):
        run("finetuning", budget=2)


@pytest.mark.parametrize("method", ["cliperase", "ssd"])  # by steps, by looks alone
def test_a_candidate_beyond_its_time_is_given_up(method: str, run: Runner) -> None:
    limited = dataclasses.replace(FAST, limit=1e-6)
    with pytest.raises(MethodError, match="expected at most 1e-06 processor seconds, got"):
        run(method, settings=limited, name="limited")
    same = [
        weights(run(method, name=name, budget=1, settings=settings))
        for name, settings in (("a", FAST), ("b", dataclasses.replace(FAST, limit=1000.0)))
    ]
    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])
    assert "limit" not in record(run(method, name="a", budget=1))["config"]["engine"]


def test_budget_zero_changes_nothing(run: Runner, leaking_model: Path) -> None:
    for method in ("cliperase", "descent_to_delete"):
        out = run(method, budget=0, name=method)
        before, after = weights(leaking_model), weights(out)
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert record(out)["cost"]["steps"] == record(out)["cost"]["pairs"] == 0


def test_batch_larger_than_forget(run: Runner, tiny_folder: Path) -> None:
    forget = layout.open_dataset(tiny_folder).counts["forget"]
    out = run("negative_gradient", budget=2, config={"batch_size": 10 * forget})
    assert record(out)["cost"] == {**record(out)["cost"], "steps": 2, "pairs": 2 * forget}


def test_accumulation(run: Runner, tiny_folder: Path) -> None:
    out = run("negative_gradient", budget=2, config={"accumulation": 3})
    forget = layout.open_dataset(tiny_folder).counts["forget"]
    assert record(out)["cost"]["pairs"] == 2 * forget
    assert record(out)["cost"]["steps"] == math.ceil(math.ceil(2 * forget / 8) / 3)


def test_fractional_budget(run: Runner, tiny_folder: Path) -> None:
    forget = layout.open_dataset(tiny_folder).counts["forget"]
    assert record(run("negative_gradient", budget=0.5))["cost"]["pairs"] == round(0.5 * forget)


def test_one_forget_pair(run: Runner, tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    (folder / "data" / "forget-00000-of-00001.parquet").unlink()
    row = layout.Row(b"x", "a caption", "00000000", "one.jpg")
    layout.write_shard(folder, "forget", 0, 1, iter([row]))
    with pytest.raises(DatasetError, match="at least 2 forget pairs"):
        run("finetuning", dataset=folder)


def test_unknown_option(run: Runner, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'forgeting'.*Did you mean 'forgetting'"):
        run("cliperase", config={"forgeting": 1.0})
    with pytest.raises(UnknownName, match="Did you mean 'cliperase'"):
        run("cliperas")
    with pytest.raises(ConfigError, match="variant"):
        run("cliperase", config={"variant": "other"})
    with pytest.raises(ConfigError, match=r"unlearn\.batch_size from 2"):
        run("cliperase", config={"batch_size": 1})
    assert not (tmp_path / "out").exists(), "nothing is written before the arguments are right"


def test_options_from_yaml_win_over_overrides(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("retention: 2\nlr: 1e-3\n")
    settings = dataclasses.replace(FAST, overrides={"cliperase": {"retention": 5.0, "consistency": 0.5, "lr": 0.1}})
    out = run("cliperase", budget=1, config=path, settings=settings)
    assert record(out)["config_given"] == {"retention": 2, "consistency": 0.5, "lr": 1e-3}
    assert record(out)["config"]["method"] == {
        "variant": "paper", "retention": 2.0, "forgetting": 3.0, "consistency": 0.5,
    }  # fmt: skip
    assert record(out)["config"]["engine"]["lr"] == 1e-3


def test_probes_do_not_change_the_run(run: Runner) -> None:
    watched = run("shuffled_captions", budget=1, name="watched")
    blind = run("shuffled_captions", budget=1, name="blind", config={"probe_every": 0})
    assert (watched / models.WEIGHTS).read_bytes() == (blind / models.WEIGHTS).read_bytes()
    assert curve(blind, "probe_forget_similarity") == []


def test_probes_see_the_same_pairs(run: Runner) -> None:
    first = [run(name, budget=1, name=name) for name in ("finetuning", "negative_gradient", "cliperase")]
    for kind in ("forget", "retain"):
        assert len({curve(out, f"probe_{kind}_similarity")[0] for out in first}) == 1


# --- methods that go wrong ----------------------------------------------------------------------------------------

HEAD = '''"""A method that goes wrong."""
from dataclasses import dataclass
import torch
NEEDS = ("forget",)
@dataclass(frozen=True)
class Config:
    """None."""
def loss(batch, model, reference, config):
    similarity = (model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)).sum(-1)
'''


def write(folder: Path, body: str) -> str:
    path = folder / "wrong.py"
    path.write_text(HEAD + body)
    return str(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("    raise KeyError('names')", r"at step 0: its loss raised KeyError: 'names'"),
        ("    return similarity.mean() * float('nan'), {}", r"at step 0: it diverged: the loss is nan"),
        ("    return similarity.mean().detach(), {}", "at step 0: its loss carries no gradient"),
        ("    return torch.zeros((), requires_grad=True) * 1, {}", "at step 0: its loss carries no gradient"),
        ("    return similarity, {}", r"one number \(a 0-d tensor\), got shape \(8,\)"),
        ("    return 1.0, {}", "got a float"),
        ("    return similarity.mean()", r"return \(loss, report\), got Tensor"),
        ("    return similarity.mean(), {'s': similarity}", "one number in its report for 's'"),
        ("    return similarity.mean() * 0, {}", "got zero at every step"),
        ("    return batch.retain.images.mean(), {}", "list 'retain' in NEEDS"),
        (
            "    return (similarity.mean() - similarity.mean()).abs().sqrt(), {}",
            "it diverged: the gradient's norm is nan, first in [a-z]",
        ),
        (
            "    share = similarity.softmax(0)\n    share += 1\n    return share.max(), {}",
            r"at step 0: the gradient of its loss raised RuntimeError: .* modified by an inplace operation",
        ),
    ],
)
def test_wrong_loss(body: str, message: str, run: Runner, tmp_path: Path) -> None:
    with pytest.raises(MethodError, match=message) as caught:
        run(write(tmp_path, body), config={"weight_decay": 0.1})
    assert caught.value.method == "wrong"
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_error_names_the_line_and_where_the_traceback_is(run: Runner, tmp_path: Path) -> None:
    body = "    def helper(name):\n        return {}[name]\n    helper('names')\n    return similarity.mean(), {}\n"
    with pytest.raises(MethodError) as caught:
        run(write(tmp_path, body))
    number = (HEAD + body).splitlines().index("        return {}[name]") + 1
    what, line, where = str(caught.value).splitlines()
    assert what.endswith(f"its loss raised KeyError: 'names' (wrong.py:{number})")
    assert line == "    return {}[name]"
    path = Path(where.removeprefix("The full traceback: "))
    assert path == tmp_path / "out" / TRACEBACK
    assert "line 9, in loss" in path.read_text() or "in helper" in path.read_text()
    assert path.read_text().rstrip().endswith("KeyError: 'names'")
    run(write(tmp_path, "    return similarity.mean(), {}\n"), name="mended")
    assert not (tmp_path / "mended" / TRACEBACK).exists()


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("{'push': torch.ones(()), 'pull': value}", ", its term 'pull' is nan"),
        ("{'push': torch.ones(()), 'pull': 2.0}", ", though its terms 'push', 'pull' are finite"),
        ("{}", r"\. No step was made yet: look for a division by 0"),
    ],
)
def test_a_loss_that_is_no_number_names_its_term(report: str, message: str, run: Runner, tmp_path: Path) -> None:
    body = f"    value = similarity.mean() * float('nan')\n    return value, {report}\n"
    with pytest.raises(MethodError, match=f"'wrong' failed at step 0: it diverged: the loss is nan{message}"):
        run(write(tmp_path, body))


def test_divergence_leaves_the_last_good_checkpoint(run: Runner, tmp_path: Path) -> None:
    body = "    return similarity.mean() * (float('inf') if batch.step == 3 else 1.0), {}"
    with pytest.raises(
        MethodError,
        match=r"'wrong' failed at step 3: it diverged: the loss is -?inf\. Lower its learning rate.*resume\.pt",
    ):
        run(write(tmp_path, body))
    kept = torch.load(tmp_path / "out" / CHECKPOINT, weights_only=True)
    assert kept["progress"]["step"] == 3
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept["weights"].values())


def test_edit_that_fails(run: Runner, tmp_path: Path) -> None:
    text = HEAD[: HEAD.index("def loss")]
    path = tmp_path / "wrong.py"
    path.write_text(text + "def edit(model, data, engine, config):\n    return 1 / 0\n")
    with pytest.raises(MethodError, match="its edit raised ZeroDivisionError"):
        run(str(path))
    path.write_text(text + "def edit(model, data, engine, config):\n    return {}\n")
    with pytest.raises(MethodError, match="nothing was unlearnt"):
        run(str(path), name="still")
    path.write_text(
        text + "def edit(model, data, engine, config):\n"
        "    with torch.no_grad():\n        engine.trainable()[0].fill_(float('nan'))\n    return {}\n"
    )
    with pytest.raises(MethodError, match="expected finite weights"):
        run(str(path), name="nan")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "from torch.nn.utils import prune\n    prune.l1_unstructured(model.module.token_embedding, 'weight', 0.5)",
            r"got no token_embedding\.weight; token_embedding\.weight_mask, which is new; token_embedding\.weight_orig",
        ),
        ("model.module.half()", r"got \S+ of type torch\.float16, was torch\.float32"),
        (
            "model.module.ln_final = torch.nn.LayerNorm(2)",
            r"got ln_final\.bias of shape \(2,\), was \(\d+,\); ln_final\.weight",
        ),
    ],
)
def test_an_edit_that_leaves_another_architecture(body: str, message: str, run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    head = HEAD[: HEAD.index("def loss")]
    path.write_text(f"{head}def edit(model, data, engine, config):\n    {body}\n    return {{}}\n")
    with pytest.raises(MethodError, match=f"'wrong' failed at step 0: expected the parameters.* {message}"):
        run(str(path))
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_edit_that_draws_from_the_global_generator_repeats(run: Runner, tmp_path: Path) -> None:
    """The seed alone decides, not what was drawn before."""
    path = tmp_path / "noisy.py"
    path.write_text(
        HEAD[: HEAD.index("def loss")] + "def edit(model, data, engine, config):\n    with torch.no_grad():\n"
        "        for weight in engine.trainable():\n            weight.add_(0.01 * torch.randn_like(weight))\n"
        "    return {}\n"
    )
    torch.manual_seed(1)
    first = weights(run(str(path), name="first"))
    torch.manual_seed(2)
    again, other = (weights(run(str(path), name=f"seed {seed}", seed=seed)) for seed in (0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["token_embedding.weight"], other["token_embedding.weight"])


ROOM = [
    "MemoryError()",
    'RuntimeError("[enforce fail] DefaultCPUAllocator: can\'t allocate memory: you tried to allocate 9 bytes.")',
    "torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 9.00 GiB.')",
    "OSError(28, 'No space left on device')",
]


@pytest.mark.parametrize("error", ROOM)
@pytest.mark.parametrize("function", ["loss", "edit", "descend"])
def test_what_the_machine_lacks_is_no_failure_of_the_method(
    function: str, error: str, run: Runner, tmp_path: Path
) -> None:
    body = f"    raise {error}\n"
    if function == "edit":
        body = body.replace("    raise", "def edit(model, data, engine, config):\n    raise")
    elif function == "descend":
        body += "objective = loss\ndel loss\ndef edit(model, data, engine, config):\n"
        body += "    engine.descend(lambda batch: objective(batch, model, engine.reference, config))\n"
    path = tmp_path / "large.py"
    path.write_text((HEAD[: HEAD.index("def loss")] if function == "edit" else HEAD) + body)
    with pytest.raises(StageError, match="Expected room for the method 'large' in memory and on the disk") as caught:
        run(str(path))
    assert not isinstance(caught.value, MethodError)


@pytest.mark.parametrize("method", ["cliperase", "task_negation"])  # a loss, an edit
def test_lora_layers_that_the_model_does_not_have(method: str, run: Runner) -> None:
    with pytest.raises(MethodError, match=rf"{method}' failed at step 0: Expected lora_layers .*got \['nowhere'\]"):
        run(method, config={"lora_rank": 2, "lora_layers": ["nowhere"]})


def test_names_of_layers() -> None:
    assert layer_of("visual.transformer.resblocks.3.attn.in_proj_weight") == "visual.transformer.resblocks.3"
    assert layer_of("visual.trunk.blocks.11.mlp.fc1.bias") == "visual.trunk.blocks.11"
    assert layer_of("token_embedding.weight") == "token_embedding"
    assert layer_of("logit_scale") == "logit_scale"


@pytest.mark.parametrize(
    ("field", "value"), [("lr", -1.0), ("batch_size", 1), ("warmup", 2.0), ("towers", "left"), ("probe_pairs", 1.5)]
)
def test_settings_are_checked(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"unlearn\.{field}"):
        UnlearnConfig(**{field: value})


def test_muon_moves_every_kind_of_weight(run: Runner, leaking_model: Path) -> None:
    """Matrices by Muon, tokens and vectors by AdamW, in one optimiser: all move, and by about the same rate."""
    before = weights(leaking_model)
    after = weights(run("shuffled_captions", budget=1, config={"optimizer": "muon", "weight_decay": 0.0}))
    plain = weights(run("shuffled_captions", budget=1, name="adamw", config={"weight_decay": 0.0}))
    for name in ("transformer.resblocks.0.attn.in_proj_weight", "ln_final.weight", "token_embedding.weight"):
        ways = [float((found[name] - before[name]).square().mean().sqrt()) for found in (after, plain)]
        assert 0.2 < ways[0] / ways[1] < 5, (name, ways)
