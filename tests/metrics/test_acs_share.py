"""The share of pictures that ACS is measured on is an option; half by default, as in the authors' own results."""

from __future__ import annotations

import numpy as np
import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings
from salmubench.core.errors import ConfigError
from salmubench.metrics.acs import SEED, hold_out
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.score import protocol


@pytest.mark.parametrize(("share", "count"), [(0.5, 10), (0.2, 4), (0.01, 1), (0.99, 19), (0.33, 7)])
def test_share_by_hand(share: float, count: int) -> None:
    """20 pictures, two rows of each: both rows of a picture on the same side, at least one picture on each."""
    names = np.array([f"p{number // 2:02d}" for number in range(40)], object)
    held = hold_out(names, np.random.default_rng(0), share)
    assert held.sum() == 2 * count
    assert not held[::2].__xor__(held[1::2]).any()


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_option_decides(share: float, tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = fake_world()
    folder = write_embeddings(tmp_path / "m", world, vectors(world, seed=3, strength=0.4))
    config = ScoreConfig() if share == 0.5 else ScoreConfig(acs_test_share=share)
    inputs = metrics.EvalInputs(embeddings.open_embeddings(folder), config)
    found = metrics.load("acs").score(inputs)
    pictures = {row.file_name for row in world.of("forget")}
    assert found.n == 2 * round(share * len(pictures))
    held = hold_out(inputs.rows("forget").file_name, np.random.default_rng([SEED, 1]), share)
    assert found.per_item is not None
    assert set(found.per_item.file_name) == set(inputs.rows("forget").file_name[held])
    assert protocol(config, {}).acs_test_share == share


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_senseless_share(share: float) -> None:
    with pytest.raises(ConfigError, match=r"score\.acs_test_share between 0 and 1"):
        ScoreConfig(acs_test_share=share)
