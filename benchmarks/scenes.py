"""Speed of the object pictures: pictures a second at 64 and 224 px, and the time of the first one.

    python benchmarks/scenes.py [--classes 60]

Prints one JSON object. The first picture waits for the kernel to be compiled, or loaded where it has been before.
"""

from __future__ import annotations

import argparse
import json
import time

from salmubench.core.executor import cores
from salmubench.generator.retain import procedural


def rate(count: int, size: int, classes: int, rounds: int) -> float:
    """Best pictures a second over some rounds, JPEG included."""
    scenes = [procedural.sample_scene(i % classes, seed=i) for i in range(count)]
    best = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        procedural.render_jpeg(scenes, size=size)
        best = max(best, count / (time.perf_counter() - start))
    return round(best, 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=60, help="how many classes take turns")
    classes = parser.parse_args().classes
    start = time.perf_counter()
    procedural.render_jpeg([procedural.sample_scene(0, seed=0)], size=64)
    first = round(time.perf_counter() - start, 2)
    rates = {"64": rate(600, 64, classes, 3), "224": rate(60, 224, classes, 2)}
    print(
        json.dumps({"first_picture_seconds": first, "pictures_per_second": rates, "classes": classes, "cores": cores()})
    )


if __name__ == "__main__":
    main()
