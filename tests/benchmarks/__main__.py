"""`make bench`: how fast flockwise is, part by part, with servers of its own.

`python -m tests.benchmarks scan_heap replay` measures some parts only, `--quick` all that can be
in four minutes. The last line is a JSON object: a number for each key, or null where a part was
not measured or its results were wrong; what stands beside the numbers is in `beside`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence

from tests.benchmarks.measuring import Measured, measure
from tests.benchmarks.parts import PARTS
from tests.benchmarks.room import console
from tests.benchmarks.table import print_table


def main(words: Sequence[str]) -> int:
    """Measure, and tell; 1 if a part that was asked for came to nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small, and not all parts")
    parser.add_argument("--repeat", type=int, default=0, help="turns; by default those of the room")
    options = parser.parse_args(words)
    if unknown := sorted(set(options.parts) - PARTS.keys()):
        parser.error(f"expected any of {', '.join(PARTS)}, found {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, _ended)
    signal.signal(signal.SIGHUP, _ended)
    began_s = time.monotonic()
    measured = measure(options.parts or list(PARTS), quick=options.quick, repeats=options.repeat)
    print_table(measured)
    console.print(f"{time.monotonic() - began_s:,.0f} s in all", highlight=False)
    print(json.dumps(_as_json(measured)))
    asked = options.parts or ()
    return int(any(measured.figures[key].value is None for key in asked))


def _as_json(measured: Measured) -> dict[str, object]:
    figures = measured.figures
    return {
        **{key: figure.value for key, figure in figures.items()},
        "beside": {key: figure.beside for key, figure in figures.items() if figure.beside},
        "why_null": {key: figure.why for key, figure in figures.items() if figure.value is None},
        "seconds": measured.seconds,
        "quick": measured.quick,
    }


def _ended(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
