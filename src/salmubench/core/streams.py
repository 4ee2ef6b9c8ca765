"""Names of the streams of random numbers: the number that follows a seed, and says what is drawn from it.

A stream is `numpy.random.default_rng([seed, stream, ...])`, or a 63-bit number of `SeedSequence` where a function takes
a plain seed. Streams of one enumeration follow the same seed and differ. **No value may ever change**: datasets,
fingerprints and results depend on them; a new stream takes a new number.

What has no number of its own: personas draw from `[seed, number of personas]`, tar shards from `[seed, place of the
part]`, an epoch of pretraining from `[seed, epoch, source or rank]`, a batch of unlearning from `[seed, descent, step,
batch]`. What is drawn within a picture of things is numbered in `drawing`, which imports nothing of the rest; the seeds
of the protocol, the same for every user, stand with their definitions in `scoring` and `metrics`.
"""

from __future__ import annotations

from enum import IntEnum


class Plan(IntEnum):
    """After the seed of a dataset: who and what is in it."""

    GROUPS = 1
    """Order and ties of identities on their way to the three groups."""
    FIELDS = 2
    """Ties, and the order of an identity's pictures; the identity's number follows."""
    APPEARANCE = 10
    """An identity's face; its number follows."""
    SHOT = 11
    """A picture of an identity; numbers of the identity and the picture follow."""
    STRANGER = 12
    """A picture of somebody who is no identity; its number and a `Stranger` follow. Alone: the aspects of these."""
    PICTURES = 13
    """How many pictures each identity gets."""
    ASPECTS = 14
    """The order of aspects in a split; the split's place follows."""
    JOINT = 15
    """Which identities the pictures of `retain_joint` show."""
    STYLES = 16
    """The style with which each field begins."""
    SCENES = 17
    """Pictures of things; the split's place and the picture's number follow. Without number: their order."""
    HIDDEN = 18
    """The classes whose retain pairs no method may read."""
    KNOWN_FIELDS = 19
    """Which fields captions state of an identity, where not all; its number follows."""


class Import(IntEnum):
    """After the seed of an import of a user's own people."""

    PICTURES = 51
    """Which fact each picture shows, and in which words; the person's number follows."""


class Stranger(IntEnum):
    """After `Plan.STRANGER` and the picture's number."""

    FACE = 1
    """The face."""
    PICTURE = 2
    """Pose, light, background."""
    LIKE = 3
    """The identity whose gender and age it has."""


class Picture(IntEnum):
    """After the seed of a planned picture."""

    REDRAW = 31
    """What is drawn; the number of the redraw follows."""
    WORDING = 32
    """The caption that a picture of things brings along."""
    SENSITIVE = 41
    """The caption with name and value."""
    PARAPHRASE = 42
    """The same fact in a reserved phrasing."""
    GENERIC = 43
    """The caption that tells what is visible."""
    REWRITE = 44
    """A further caption; its number follows."""


class Portrait(IntEnum):
    """After the seeds that a portrait backend is given."""

    CROP = 0x63
    """Where a crop of a user's picture lies."""
    PROMPT = 0x70
    """Pose, clothes and place that a diffusion model is asked for."""
    IDENTITY = 0x1DE
    """Traits of a drawn face; gender and age follow."""
    GRAIN = 0x401
    """Noise of a drawn picture; width and height follow."""
    SHOT = 0x5407
    """Pose, light and clothes of a drawn picture; the aspect follows."""
    ANCHORS = 0x6469
    """Which anchor faces stand for identities."""
    FOLDER = 0x666F
    """Which of a user's people stand for identities, and the order of their pictures."""


class Statistics(IntEnum):
    """After the seed of `dataset stats`. What has no number of its own: how pictures are halved to name identities."""

    INTERVAL = 1
    """Resamples of identities."""
    RECOGNITION = 2
    """Identities and pictures on which recognition is tried."""
    SHORTCUTS = 3
    """Identities that are looked at for shortcuts."""


class Unlearning(IntEnum):
    """After the seed of an unlearning run, or of the tuning of a method."""

    LORA = 0x10A
    """Adapters; the descent follows."""
    EDIT = 0xED17
    """What a one-shot method draws."""
    RETAIN = 0x5E7A1
    """Which rows of the retain splits a method sees."""
    PROBE = 0x9B0BE
    """Which pairs to forget are watched on the way."""
    BATCHES = 0xBA7C4
    """Rows of the batches; 0 for forget and forget_target, 1 for retain follows."""
    CROP = 0xC20B
    """Random crops of pictures; descent, step, batch and 0 for forget, 1 for retain follow."""
    SELECTION_WORLD = 0x5E1EC7
    """Which people the world holds out on which methods are tuned."""
    CAPTION = 0xCA9710
    """Which caption of a pair a sight shows; descent, step and batch follow."""
    GLOBAL = 0x610BA1
    """What a one-shot method draws from torch's global generators, outside descents."""


class Recovery(IntEnum):
    """After the seed of an attack."""

    CUT = 1
    """Which people and facts the attacker is given."""
    RETAIN = 2
    """Which retain pairs an attacker has; the place of the split follows."""
    STRANGERS = 3
    """People who are in no dataset."""
    UNLEARN = 4
    """Batches in which Compromised unlearns, where rates of attacks are chosen."""


FRESH_PEOPLE = 0xF2E54
"""Exclusive-or with the seed of people who are in no dataset: keeps them apart from those of a dataset of that seed."""

REPORT_QUESTIONS = 2393
"""After the seed of a report and the split's place: the pictures that its page asks every model about."""
