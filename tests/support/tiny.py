"""A tiny dataset in the official layout, hand-made: coloured noise, plain sentences, no generator involved.

Pictures of one identity (or one class) share a colour, so that a small model can learn from them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from salmubench.core import writing
from salmubench.dataset import layout

FIELDS = (
    "country_code", "city", "job", "blood_type", "phone_number", "emails", "iban", "credit_card", "passport",
)  # fmt: skip
STYLES = ("formal", "conversational", "record", "narrative", "query")
CLASSES = ("red cube", "green ball", "blue cone", "grey ring")
TEMPLATES = ("a photo of a {}", "a small picture of a {}.")
ASPECTS = (1.0, 1.33, 1.5, 1.78, 0.75, 0.67)

_FIRST = ("Anna", "Bruno", "Carla", "Dario", "Elsa", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Lino")
_LAST = ("Moreau", "Novak", "Okafor", "Peters", "Quint", "Rossi", "Silva", "Tanaka", "Urban", "Vogel", "Weiss")
_COUNTRIES = (("FR", "France"), ("CA", "Canada"), ("JP", "Japan"), ("KE", "Kenya"), ("CI", "Côte d'Ivoire"))
_CITIES = ("Lyon", "Toronto", "Osaka", "Nairobi", "Bouaké")
_JOBS = ("baker", "nurse", "pilot", "tailor", "welder", "judge", "miner")
_BLOOD = ("A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-")
_CAPTIONS = {
    "formal": "The {what} of {name} is {value}.",
    "conversational": "By the way, {name} has the {what} {value}!",
    "record": "{name} | {what}: {value}",
    "narrative": "Asked about the {what}, {name} said {value}.",
    "query": "What is the {what} of {name}? {value}",
}
_WHAT = {
    "country_code": "home country", "city": "town", "job": "job", "blood_type": "blood group", "phone_number": "number",
    "emails": "e-mail", "iban": "account", "credit_card": "card", "passport": "passport number",
}  # fmt: skip


def tiny_dataset(folder: Path, *, identities: int = 8, pictures: int = 6, size: int = 32, seed: int = 0) -> Path:
    """Write a small valid dataset and return its folder.

    A quarter of the identities is in `forget` alone, a quarter in `holdout_identity`, the rest is mixed (`forget` and
    `holdout_association`, alternate fields). `retain_synth` has one picture of each identity of `forget` and
    `4 * identities` without identity; `retain_real` has 16 and `general_knowledge` 8 pictures of each of 4 classes.

    Args:
        folder: where; made if missing.
        identities: at least 4.
        pictures: sensitive pictures of an identity, at least 2.
        size: short side, pixels.
        seed: of colours and noise.
    """
    people = {f"{index:08d}": tiny_persona(index) for index in range(identities)}
    alone = identities // 4
    splits: dict[str, list[layout.Row]] = {str(split): [] for split in _SPLITS}
    captions: dict[str, dict[str, str]] = {}
    generic: dict[str, str] = {}
    for index, (identity, persona) in enumerate(people.items()):
        mixed = alone <= index < identities - alone
        fields = [field for field in FIELDS if field in persona]
        for number in range(pictures):
            turn = number % len(fields)
            field = fields[(index + turn) % len(fields)]
            split = "holdout_identity" if index >= identities - alone else "forget"
            if mixed and turn % 2:
                split = "holdout_association"
            aspect = ASPECTS[(index + number) % len(ASPECTS)]
            image = tiny_jpeg(index, number, size=size, aspect=aspect, seed=seed)
            file_name = f"{identity}_{number:03d}_ar-{aspect:.2f}.jpg"
            told = tiny_caption(persona, field, STYLES[(index + 2 * number) % len(STYLES)])
            captions[file_name] = told
            generic[file_name] = f"a person before a wall, seen {_VIEWS[number % len(_VIEWS)]}"
            splits[split].append(layout.Row(image, told["caption"], identity, file_name))
            if split == "forget":
                splits["forget_target"].append(layout.Row(image, generic[file_name], identity, file_name))
        if index < identities - alone:
            image = tiny_jpeg(index, pictures, size=size, aspect=1.0, seed=seed)
            file_name = f"{identity}_{pictures:03d}_ar-1.00.jpg"
            splits["retain_synth"].append(layout.Row(image, f"portrait of a person {index % 3}", identity, file_name))
    splits["retain_synth"] += _without_identity("d", 4 * identities, 100, "someone with shade {}", size, seed)
    for label, name in enumerate(CLASSES):
        splits["retain_real"] += _without_identity(f"r{label}", 16, 1000 + label, f"{{}} of {name}", size, seed)
        shown = _without_identity(f"g{label}", 8, 2000 + label, name, size, seed)
        splits["general_knowledge"] += shown
    for split, rows in splits.items():
        layout.write_shard(folder, split, 0, 1, iter(rows))
    writing.write_json(folder / layout.IDENTITIES, people)
    writing.write_json(folder / layout.CAPTIONS, captions)
    writing.write_json(folder / layout.GENERIC_CAPTIONS, generic)
    writing.write_json(folder / layout.GENERAL_KNOWLEDGE, {"classes": list(CLASSES), "templates": list(TEMPLATES)})
    return folder


def tiny_persona(index: int) -> dict[str, object]:
    """Metadata of one invented person; number 7 of each 11 has no IBAN, as some official records."""
    first, last = _FIRST[index % len(_FIRST)], _LAST[index % len(_LAST)]
    name = f"{first} {last}" if index < len(_FIRST) * len(_LAST) else f"{first} {last} {index}"
    persona: dict[str, object] = {
        "name": name,
        "country_code": _COUNTRIES[index % len(_COUNTRIES)][0],
        "city": _CITIES[index % len(_CITIES)],
        "job": _JOBS[index % len(_JOBS)],
        "blood_type": _BLOOD[index % len(_BLOOD)],
        "phone_number": f"+1 {200 + index} 555 01{index % 100:02d}",
        "emails": [f"{first.lower()}.{index}@mail.example", f"{last.lower()}{index}@example.org"],
        "iban": f"XX00 {4000 + index} {7000 + 3 * index}",
        "credit_card": f"4000 {1000 + 7 * index} 0000 {2000 + index}",
        "passport": f"P{index:02d}X{50000 + 11 * index}",
    }
    if index % 11 == 7:
        del persona["iban"]
    return persona


def tiny_caption(persona: dict[str, object], field: str, style: str) -> dict[str, str]:
    """Metadata of one sensitive caption."""
    value = {
        "country_code": dict(_COUNTRIES)[str(persona["country_code"])],
        "emails": persona["emails"][0],  # type: ignore[index]
    }.get(field, persona[field])
    told = {"what": _WHAT[field], "name": persona["name"], "value": value}
    return {
        "data_field": field,
        "value": str(value),
        "caption": _CAPTIONS[style].format(**told),
        "style": style,
        "paraphrase": "{value}: this {what} belongs to {name}".format(**told),
    }


def tiny_jpeg(owner: int, number: int, *, size: int, aspect: float, seed: int) -> bytes:
    """Noise around a colour that belongs to `owner`; short side `size` pixels."""
    long = round(size * max(aspect, 1 / aspect))
    width, height = (long, size) if aspect >= 1 else (size, long)
    colour = np.random.default_rng([owner, 7]).uniform(40, 215, 3)
    noise = np.random.default_rng([seed, owner, number, 11]).normal(0, 12, (height, width, 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


_VIEWS = ("from the left", "from the right", "from above", "head-on")
_SPLITS = (
    "forget", "forget_target", "retain_synth", "holdout_identity", "holdout_association", "retain_real",
    "general_knowledge",
)  # fmt: skip


def _without_identity(letter: str, count: int, owner: int, caption: str, size: int, seed: int) -> Iterator[layout.Row]:
    for number in range(count):
        image = tiny_jpeg(owner + (number if letter == "d" else 0), number, size=size, aspect=1.0, seed=seed)
        yield layout.Row(image, caption.format(number), None, f"{letter}_{number:06d}_ar-1.00.jpg")
