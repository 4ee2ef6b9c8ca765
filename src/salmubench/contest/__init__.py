"""A contest: many worlds, equal terms, one decision that was written down before it ran.

`plan` says what is to be done, `checks` refuses what would decide nothing, `selection` chooses options on worlds that
are never evaluated, `worlds` makes the evaluation worlds one after the other, `table` and `rows` say what follows
from their records, `page` shows it.
"""
