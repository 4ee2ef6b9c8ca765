"""Where a name or a value stands in a caption: verbatim, and not inside a longer word."""

from __future__ import annotations

import re


def whole_words(*texts: str) -> re.Pattern[str]:
    """Match any of some texts where it stands verbatim, not inside a longer word; of two that fit, the longer.

    The text is the pattern's one group, so that `split` gives what lies between and, at odd places, what was found.

    Examples:
        >>> whole_words("Rome", "Anna Rome").split("Rome? Anna Rome is in Rome, not in Romes.")
        ['', 'Rome', '? ', 'Anna Rome', ' is in ', 'Rome', ', not in Romes.']
    """
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)")
