"""Streams of random numbers: apart within a domain, and the same for ever."""

from __future__ import annotations

from enum import IntEnum

import pytest

from salmubench.core import streams

PINNED = {
    "Import": [51],
    "Recovery": [1, 2, 3, 4],
    "Plan": [1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    "Stranger": [1, 2, 3],
    "Picture": [31, 32, 41, 42, 43, 44],
    "Portrait": [0x63, 0x70, 0x1DE, 0x401, 0x5407, 0x6469, 0x666F],
    "Statistics": [1, 2, 3],
    "Unlearning": [0x10A, 0xED17, 0x5E7A1, 0x9B0BE, 0xBA7C4, 0xC20B, 0x5E1EC7, 0xCA9710, 0x610BA1],
}
"""Values in the order of their names; a new stream is added here, none is changed."""


def domains() -> dict[str, type[IntEnum]]:
    found = {name: value for name, value in vars(streams).items() if isinstance(value, type)}
    return {name: value for name, value in found.items() if issubclass(value, IntEnum) and value is not IntEnum}


def test_no_value_changes():
    assert {name: [int(item) for item in domain] for name, domain in domains().items()} == PINNED
    assert (streams.FRESH_PEOPLE, streams.REPORT_QUESTIONS) == (0xF2E54, 2393)


@pytest.mark.parametrize("domain", domains().values(), ids=domains())
def test_values_differ_within_a_domain(domain):
    assert len(domain.__members__) == len({item.value for item in domain}), "an alias: two names of one stream"
