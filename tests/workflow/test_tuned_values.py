"""The tuned values of the package are those of the committed tuning, whose trials stay in `results/`."""

from pathlib import Path

from salmubench.workflow.tuned_values import find_tuned

TUNING = Path(__file__).parents[2] / "results" / "mini-tuned" / "tuned.yaml"


def test_values_of_mini_are_those_of_the_tuning():
    ours = find_tuned("auto", recipe="mini", shipped=True)
    full = find_tuned(str(TUNING), recipe="mini", shipped=True)
    assert (ours.selection_seed, ours.fingerprints) == (full.selection_seed, full.fingerprints)
    assert list(ours.methods) == list(full.methods)
    for name, entry in full.methods.items():
        assert ours.methods[name].values == entry.values
        mine, theirs = ours.about(name), full.about(name)
        assert {**mine, "sha256": None} == {**theirs, "sha256": None}
        assert theirs["trials"] == len(entry.trials) > 1
