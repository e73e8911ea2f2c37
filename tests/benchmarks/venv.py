"""The virtual environment of the contenders: their packages want others than flockwise's do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).parent / "contenders" / "requirements.txt"
FOLDER: Final = Path(sys.prefix) / "contenders"  # so that it goes with flockwise's own

_INSTALLED: Final = FOLDER / "installed.txt"
_WITHIN_S: Final = 900


def contenders_python(say: Callable[[str], None], *, install: bool) -> Path | None:
    """The interpreter that has their packages; None if they are not, or can't be, installed."""
    python = FOLDER / "bin" / "python"
    wanted = REQUIREMENTS.read_text()
    if _INSTALLED.is_file() and _INSTALLED.read_text() == wanted:
        return python
    if not install:
        return None
    say("installing quixstreams and bytewax, some minutes the first time")
    try:
        for words in (
            [sys.executable, "-m", "venv", "--clear", str(FOLDER)],
            [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)],
        ):
            subprocess.run(words, check=True, timeout=_WITHIN_S, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        say(f"they can't be installed: {error}")
        return None
    _INSTALLED.write_text(wanted)
    return python
