"""`flockwise validate`, `run` and `upsert`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from flink_job.cli.shown import warn
from flink_job.config import forgetting, variables
from flink_job.config.load import load
from flink_job.config.model import Config
from flink_job.plan import Plan
from flink_job.runtime.run_folder import RunFolder
from operators.base.errors import UsageError
from operators.rules.spec import SegmentSpec

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML file of the run.")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Let CONFIG's segments hold, whichever do now.")
]

Remove = Annotated[
    bool,
    typer.Option("--remove", help="Remove segments, too, that CONFIG is not known to have had."),
]
TakeStore = Annotated[
    bool, typer.Option("--take-store", help="Empty the store of a job that is gone, and take it.")
]

_LITTLE_BYTES: Final = 32 * 1024 * 1024

console = Console(stderr=True)


def plan_of(config: Path) -> Plan:
    """The plan of a configuration file."""
    return Plan(load(config), config.resolve().parent)


def validate(config: ConfigPath) -> None:
    """Check a configuration; every mistake is told at once.

    A variable that is not set is no mistake: whoever checks need not have the secrets.
    """
    checked = load(config)
    measured = f", {len(checked.outcomes.named)} outcomes" if checked.outcomes else ""
    console.print(
        f"[green]✓[/] {escape(str(config))}: {len(checked.features)} features, "
        f"{len(checked.segments)} segments, {len(checked.clusters)} cluster models{measured}"
    )
    tell_doubts(checked, checked.segments)
    for name, paths in variables.unset(checked).items():
        warn(console, f"the environment variable {name} is not set: {', '.join(paths)}")


def tell_doubts(config: Config, segments: Mapping[str, SegmentSpec]) -> None:
    """Say what of these segments is no mistake, but can hardly be meant."""
    for doubt in forgetting.doubts(config, segments):
        warn(console, str(doubt))


def begin_java(
    plan: Plan, folder: RunFolder, name: str = "segment", *, brief: bool | None = None
) -> None:
    """Let Java start while Python imports PyFlink and looks at what a run in `folder` needs.

    A run is `brief` if its files are small, unless it is said.
    """
    from flink_job.runtime import gateway  # noqa: PLC0415

    kafka = plan.config.source.kafka or plan.config.output.kafka
    connectors = _connectors_there() if kafka else ()
    soon_over = _reads_little(plan) if brief is None else brief
    gateway.begin(folder.logs, connectors, name, brief=soon_over)


def _reads_little(plan: Plan) -> bool:
    """Whether the input is files that are read within about a minute."""
    files = plan.paths.files()
    if files is None:
        return False
    from flink_job.staging.files import expanded  # noqa: PLC0415 - most commands do without it

    try:
        return sum(path.stat().st_size for path in expanded(files.paths)) < _LITTLE_BYTES
    except (OSError, UsageError):  # which is told where the run is checked
        return True


def _connectors_there() -> Sequence[Path]:
    """The connectors' jars, if they need not be fetched before."""
    from flink_job.stack.jars import jars_folder, jars_present  # noqa: PLC0415

    return sorted(jars_folder("flink").glob("*.jar")) if jars_present("flink") else ()


def run(
    config: ConfigPath,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the state of an earlier run and begin anew.")
    ] = False,
    apply: Apply = False,
    remove: Remove = False,
    take_store: TakeStore = False,
) -> None:
    """Run the job here, until its input ends or Ctrl-C; with a store also `upsert`."""
    if resume and fresh:
        raise UsageError("expected one of --resume, which goes on, and --fresh, which begins anew")
    plan = plan_of(config)
    begin_java(plan, plan.folder)
    # PyFlink takes a second to import.
    from flink_job.cli.session import Session  # noqa: PLC0415
    from flink_job.jobs.segment import Start  # noqa: PLC0415

    Session(plan, config, console).run(Start(resume, fresh, apply, remove, take_store))


def upsert(
    config: ConfigPath,
    beside: Annotated[
        bool, typer.Option("--beside", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Bring the changelog in Kafka into the store, until it ends or Ctrl-C."""
    plan = plan_of(config)
    begin_java(plan, plan.folder.upsert, "upsert")
    from flink_job.cli.session import Session  # noqa: PLC0415 - PyFlink takes a second to import

    Session(plan, config, console).upsert(beside=beside)
