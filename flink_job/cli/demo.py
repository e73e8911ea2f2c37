"""`flockwise demo`: a simulated shop through the whole job, and what came of it."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from flink_job.cli.progress import count_line, ticker
from flink_job.cli.run import begin_java, console, plan_of
from flink_job.demo.events import write_jsonl
from flink_job.demo.population import Population
from flink_job.demo.simulation import simulate

_DAY_US = 86_400_000_000
_EVENING_US = int(20.5 * 3_600_000_000)  # 20:30 UTC: late enough in a day for people to be there
_DAYS = 5
_BAD_SHARE = 0.001
_CONFIG = "demo.yaml"
_EVENTS = "events.jsonl"

# What a copy of the demo's configuration needs to be run: where from, where to, how.
_RUN = f"""
source: {{files: {{paths: [{_EVENTS}]}}}}
output: {{folder: changelog}}
store: {{kind: sqlite, path: store.db}}
run: {{state: state, lanes: 4, resolution: 5m}}
"""


_FEW: Final = 5_000  # shoppers, of whom a run is soon over


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", help="Where to put the events, the changelog and the store.")
    ] = Path(".flockwise/demo"),
    users: Annotated[
        int, typer.Option(min=10, max=100_000, help="Shoppers; about 100 events each.")
    ] = 2_100,
    seed: Annotated[int, typer.Option(help="Another seed, other shoppers.")] = 7,
) -> None:
    """Simulate shoppers for five days, segment them, and show what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = write_config(folder)
    plan = plan_of(config)
    begin_java(plan, plan.folder, brief=users <= _FEW)
    # PyFlink takes a second to import.
    from flink_job.cli.demo_report import report  # noqa: PLC0415
    from flink_job.cli.session import Session  # noqa: PLC0415
    from flink_job.jobs.segment import Start  # noqa: PLC0415

    simulation = simulate(Population(users, _DAYS, _last_evening_us(), bad_share=_BAD_SHARE), seed)
    with ticker(console, "simulating shoppers") as told:
        write_jsonl(simulation, folder / _EVENTS, count_line(told, "events simulated"))
    outcome = Session(plan, config, console).run(Start(fresh=True))
    if not outcome.stopped:
        report(plan, config, simulation, Console())


def write_config(folder: Path) -> Path:
    """Write the demo's configuration, complete, into its folder."""
    text = files("flink_job.demo").joinpath(_CONFIG).read_text(encoding="utf-8")
    config = folder / _CONFIG
    config.write_text(text + _RUN, encoding="utf-8")
    return config


def _last_evening_us() -> int:
    now_us = time.time_ns() // 1_000
    return (now_us - _EVENING_US) // _DAY_US * _DAY_US + _EVENING_US
