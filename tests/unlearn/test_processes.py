"""Two processes with half a batch each are one process with the whole batch: same gradient, same candidate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.night

CHILD = """
import sys
from pathlib import Path
import torch
from salmubench.clip import models
from salmubench.dataset.layout import open_dataset
from salmubench.unlearn import Batch, Model, UnlearnConfig, load_method, unlearn
from salmubench.unlearn.data import PairSource, SplitRow, decode
from salmubench.unlearn.processes import Share, launch

torch.set_num_threads(1)
model, dataset, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
fabric = launch("cpu")
share, clip, opened = Share(fabric), models.load_model(model), open_dataset(dataset)
student, reference = Model(clip, gatherer=share), Model(models.load_model(model))
sources = {
    kind: PairSource(
        decode(opened, [SplitRow(split, n) for n in range(7)], clip=clip, scratch=out, memory=1.0), reference
    )
    for kind, split in (("forget", "forget"), ("retain", "retain_real"))
}
found = {}
for name, options in (
    ("negative_gradient", {}), ("cliperase", {}), ("cliperase", {"variant": "released"}), ("delete", {}),
    ("vlunlearn", {"variant": "released"}), ("shuffled_captions", {}),
):
    method = load_method(name)
    clip.module.zero_grad(set_to_none=True)
    batch = Batch(**{kind: source.take(range(7)) for kind, source in sources.items()}, step=3)
    loss, _ = method.function(batch, student, reference, method.config(**options))
    loss.backward()
    share.reduce(list(clip.module.parameters()))
    found["/".join([name, *options.values()])] = {
        weight: value.grad.clone() for weight, value in clip.module.named_parameters() if value.grad is not None
    }
if fabric.is_global_zero:
    torch.save(found, out / f"gradients-{fabric.world_size}.pt")
unlearn("cliperase", model=model, dataset=dataset, out=out / f"candidate-{fabric.world_size}", seed=1, budget=1,
        precision="fp32", device="cpu", settings=UnlearnConfig(batch_size=7, lr=1e-4, probe_every=3))
"""


@pytest.fixture(scope="module")
def both(leaking_model: Path, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("processes")
    script = out / "child.py"
    script.write_text(CHILD)
    arguments = [str(script), str(leaking_model), str(tiny_folder), str(out)]
    environment = {name: value for name, value in os.environ.items() if name != "WORLD_SIZE"} | {"OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for launcher in ([], torchrun):
        subprocess.run([sys.executable, *launcher, *arguments], check=True, timeout=120, env=environment)
    return out


def test_same_gradient(both: Path) -> None:
    """Seven pairs do not halve evenly: the second process repeats a row, which must count for nothing."""
    one, two = (torch.load(both / f"gradients-{world}.pt", weights_only=True) for world in (1, 2))
    assert one.keys() == two.keys()
    for name, gradients in one.items():
        assert gradients.keys() == two[name].keys()
        for weight, gradient in gradients.items():
            error = (two[name][weight] - gradient).abs().max()
            assert error <= 1e-5 * gradient.abs().max() + 1e-7, (name, weight)


def test_same_candidate(both: Path) -> None:
    one, two = (load_file(both / f"candidate-{world}" / "open_clip_model.safetensors") for world in (1, 2))
    # AdamW divides by a gradient's size, so that rounding may turn the step of a weight with a gradient near 0.
    far = [float((one[name] - two[name]).abs().max()) for name in one]
    assert max(far) <= 6 * 1e-4
    together = torch.cat([(one[name] - two[name]).reshape(-1) for name in one])
    assert float((together.abs() > 1e-6).float().mean()) < 0.01
