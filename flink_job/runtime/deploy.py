"""Where the files of deploy/ are: in a checkout, or beside an installed wheel."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from operators.base.errors import PreflightError

_CHECKOUT = Path(__file__).resolve().parents[2] / "deploy"


def deploy_folder() -> Path:
    """The folder of pom.xml and the server settings, the checkout's before the wheel's.

    Raises:
        PreflightError: neither is there, so the installation is broken.
    """
    installed = Path(sysconfig.get_path("data")) / "share" / "flockwise" / "deploy"
    for folder in (_CHECKOUT, installed):
        if (folder / "pom.xml").is_file():
            return folder
    raise PreflightError(
        f"expected flockwise's deploy files in {_CHECKOUT} or {installed}, "
        "found neither: install flockwise again"
    )
