"""What is changed in timm's Muon changes nothing but time."""

from __future__ import annotations

import copy

import pytest
import timm.optim.adamw
import timm.optim.muon
import torch
from torch import nn

from salmubench.clip import muon


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm.optim.muon, "adamw", timm.optim.adamw.adamw)
    monkeypatch.setattr(timm.optim.muon, "zeropower_via_newtonschulz", timm.optim.muon.zeropower_via_newtonschulz)


def test_in_fp32_but_for_rounding() -> None:
    gradient = torch.randn(16, 48, generator=torch.Generator().manual_seed(0))
    settings = {"steps": 5, "coefficients": [(3.4445, -4.7750, 2.0315)]}
    rough = timm.optim.muon.zeropower_via_newtonschulz(gradient, **settings)
    muon.keep_in_fp32()
    fine = timm.optim.muon.zeropower_via_newtonschulz(gradient, **settings)
    assert (rough.dtype, fine.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(rough.float(), fine, atol=0.05, rtol=0)


def test_fused_steps_are_its_own() -> None:
    torch.manual_seed(0)
    slow = nn.ModuleDict({"table": nn.Embedding(40, 6), "map": nn.Linear(6, 6), "norm": nn.LayerNorm(6)})
    quick, moved = copy.deepcopy(slow), []
    before = copy.deepcopy(slow.state_dict())
    for module in (slow, quick):
        if module is quick:
            muon.fuse_adamw()
        groups = [
            {"params": [module["map"].weight], "weight_decay": 0.1},
            {"params": list(module["table"].parameters()), "weight_decay": 0.1, "use_fallback": True},
            {"params": [module["map"].bias, *module["norm"].parameters()], "use_fallback": True},
        ]
        optimizer = timm.optim.muon.Muon(groups, lr=0.01)
        for step in range(5):
            loss = module["norm"](module["map"](module["table"](torch.arange(9) + step))).pow(3).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        moved.append(module.state_dict())
    for name, weight in moved[0].items():
        assert not torch.equal(weight, before[name])
        torch.testing.assert_close(moved[1][name], weight, rtol=1e-5, atol=1e-7)
