"""What would have been heard? Past predictions, of a file or of the topics, through both stages."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._course import (
    AsJson,
    ContractFile,
    Pages,
    ReferenceRows,
    ReferenceUntil,
    Window,
    contract_of,
    course,
    instant_of,
    milliseconds,
    pages,
    tell,
)
from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of
from anchorwatch.cli._waiting import Waiting

if TYPE_CHECKING:
    from anchorwatch.runtime.backtest import Course


def command(
    contract: ContractFile,
    file: Annotated[
        Path | None,
        typer.Argument(help="Rows as `apply --reference` takes them (.csv), or native events (.jsonl); .gz as well.", metavar="[FILE]"),
    ] = None,
    since: Annotated[str, typer.Option(help="In place of a file what stood in the topics since then: a time span as 28d, or a time.")] = "",
    reference: ReferenceRows = None,
    reference_until: ReferenceUntil = "",
    window: Window = "10s",
    pages_per_month: Pages = 1.0,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Changes nothing, joins no group. Without a reference the contract's own is taken; for --since else what stood before that time.

    Leaves with 1 when something would have been heard.
    """
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime.backtest import backtest
    from anchorwatch.runtime.drive import Clockwork

    if (file is None) == (not since):
        raise ConfigError("name a FILE, or --since a time in the topics: one of the two")
    window_ms = milliseconds("--window", window)
    waiting = Waiting("backtest")
    if file is not None:
        planned = course(file, contract, reference, reference_until, window_ms)
    else:
        planned = _of_topics(contract, since, reference, reference_until, window_ms, settings, bootstrap, waiting)
    tell(backtest(planned, Clockwork(window_ms=window_ms, pages_per_month=pages(pages_per_month)), waiting), as_json=as_json)


def _of_topics(
    path: Path, since: str, reference: Path | None, until: str, window_ms: int, settings: Path | None, bootstrap: str | None, say: Waiting
) -> "Course":
    from anchorwatch.cli._since import begin
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import past
    from anchorwatch.runtime.backtest import read, unheard

    if reference is not None and until:
        raise ConfigError("--reference and --reference-until both say what is normal; give one")
    settled = settings_of(settings, bootstrap)
    promised = contract_of(path)
    since_ms = begin(since)
    if not isinstance(since_ms, int):
        raise ConfigError(f"--since {since}: must be a time span as 28d, or a time as 2026-09-01T06:00:00Z")
    normal = read(reference, promised) if reference is not None else None
    until_ms = instant_of(until, promised) if until else None
    made, told = past.course(
        settled, promised, since_ms, time.time_ns() // 1_000_000, window_ms, reference=normal, until_ms=until_ms, say=say
    )  # fmt: skip
    sys.stderr.write(f"normal is {told}\n")
    sys.stderr.writelines(f"{why}\n" for why in unheard(made))
    return made
