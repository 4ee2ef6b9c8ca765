"""The tuned values of the package are those of the committed tuning, whose trials stay in `results/`.

The tuning also holds the trials of methods that have left the package since; nothing is shipped for them.
"""

from pathlib import Path

from salmubench.unlearn.registry import method_names
from salmubench.workflow.tuned_values import find_tuned

TUNING = Path(__file__).parents[2] / "results" / "mini-tuned" / "tuned.yaml"


def test_values_of_mini_are_those_of_the_tuning():
    ours = find_tuned("auto", recipe="mini", shipped=True)
    full = find_tuned(str(TUNING), recipe="mini", shipped=True)
    assert (ours.selection_seed, ours.fingerprints) == (full.selection_seed, full.fingerprints)
    assert list(ours.methods) == [name for name in full.methods if name in method_names()]
    for name in ours.methods:
        entry = full.methods[name]
        assert ours.methods[name].values == entry.values
        mine, theirs = ours.about(name), full.about(name)
        assert {**mine, "sha256": None} == {**theirs, "sha256": None}
        assert theirs["trials"] == len(entry.trials) > 1
