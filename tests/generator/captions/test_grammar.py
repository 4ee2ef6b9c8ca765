"""The grammar backend: drawn from the seed, all phrasings reachable, name and value verbatim."""

from __future__ import annotations

import subprocess
import sys

from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.generator.captions import grammar


def test_same_seed_same_caption_and_all_phrasings_occur() -> None:
    def caption(seed: int) -> str:
        return grammar.sensitive("Zoë Ångström", "city", "Čačak", gender="female", style="query", seed=seed)

    texts = [caption(seed) for seed in range(400)]
    assert texts == [caption(seed) for seed in range(400)]
    assert len(set(texts)) == phrasings.variants("city", "query")
    assert all(text.count("Zoë Ångström") == text.count("Čačak") == 1 for text in texts)


def test_paraphrases_are_never_training_captions() -> None:
    training = {
        phrasings.sensitive_caption("Ana Lima", field, "Oslo", style=style, variant=variant, gender=gender)
        for field in FIELDS
        for style in phrasings.STYLES
        for variant in range(phrasings.variants(field, style))
        for gender in ("female", "male", None)
    }
    for field in FIELDS:
        held = {grammar.paraphrase("Ana Lima", field, "Oslo", seed=seed) for seed in range(300)}
        assert len(held) == phrasings.paraphrase_variants(field)
        assert not held & training


def test_generic_captions_vary_with_the_seed() -> None:
    facts = {"gender": "man", "hair": "no hair", "clothes": "blue shirt"}
    texts = {grammar.generic(facts, seed) for seed in range(500)}
    assert len(texts) > 25
    assert grammar.generic(facts, 5) == grammar.generic(facts, 5)


def test_backend_imports_no_torch() -> None:
    code = (
        "import sys, salmubench.generator.captions.grammar; assert not {'torch', 'pyarrow', 'faker'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
