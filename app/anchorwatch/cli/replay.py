"""The same as backtest through Kafka: topics of its own, real processes, equal findings."""

import logging
from typing import Annotated

import typer

from anchorwatch.cli._course import (
    AsJson,
    ContractFile,
    Pages,
    ReferenceRows,
    ReferenceUntil,
    Rows,
    Window,
    course,
    milliseconds,
    pages,
    tell,
)
from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of


def command(
    file: Rows,
    contract: ContractFile,
    reference: ReferenceRows = None,
    reference_until: ReferenceUntil = "",
    window: Window = "10s",
    pages_per_month: Pages = 1.0,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    partitions: Annotated[int, typer.Option(min=1, max=100, help="Of the topics that it makes.")] = 4,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Processes of the ingest stage.")] = 2,
    keep: Annotated[bool, typer.Option("--keep", help="Leave its topics (replay-...) for a look.")] = False,
    as_json: AsJson = False,
) -> None:
    """Topics and groups of the run carry a prefix of their own and are deleted at the end. Leaves with 1 when something is heard."""
    from anchorwatch.runtime.drive import Clockwork
    from anchorwatch.runtime.replay import Trial, replay

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    window_ms = milliseconds("--window", window)
    planned = course(file, contract, reference, reference_until, window_ms)
    chosen = settings_of(settings, bootstrap)
    clockwork = Clockwork(window_ms=window_ms, pages_per_month=pages(pages_per_month))
    tell(replay(planned, chosen, clockwork, Trial(partitions, workers, keep)), as_json=as_json)
