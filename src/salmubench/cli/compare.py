"""`salmubench compare`: paired differences of two records."""

from __future__ import annotations

from pathlib import Path


def compare_(a: Path, b: Path) -> None:
    """Print B − A for every number with the interval of the paired bootstrap over identities.

    Args:
        a: a record.
        b: another record of the same dataset.
    """
    from salmubench.results.compare import compare

    print(f"{'number':<22} {'A':>9} {'B':>9} {'B − A':>9}   95 % interval")
    for row in compare(a, b):
        if row.difference is None:
            print(f"{row.name:<22} {'–':>9} {'–':>9} {'–':>9}   {row.reason}")
        else:
            low, high = row.ci95
            print(f"{row.name:<22} {row.a:>9.4f} {row.b:>9.4f} {row.difference:>+9.4f}   [{low:+.4f}, {high:+.4f}]")
