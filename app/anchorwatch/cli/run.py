"""Watch: supervise one ingest process per feed and one judge, and hand alerts to the sinks."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated

import typer


def command(
    settings: Annotated[Path | None, typer.Option(help="The settings file; else $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml.")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="host:port of Kafka; wins over file and variable.")] = None,
    stage: Annotated[str, typer.Option(help="Only this stage: ingest or judge.")] = "",
    feed: Annotated[str, typer.Option(help="Only this feed of ingest.")] = "",
    instance: Annotated[str | None, typer.Option(help="Name of this worker among its equals, kept over restarts.")] = None,
) -> None:
    """Runs until Ctrl-C or SIGTERM. /livez, /readyz and /metrics are on 127.0.0.1:6066 unless `run:` says otherwise."""
    from anchorwatch.config import NEEDED_BY_RUN, load
    from anchorwatch.errors import AnchorwatchError
    from anchorwatch.runtime import logs
    from anchorwatch.runtime.contracts import of_folder
    from anchorwatch.runtime.supervise import Supervisor

    flags = {"kafka.bootstrap.servers": bootstrap, "instance": instance}
    found = load(settings, os.environ, {name: value for name, value in flags.items() if value}, NEEDED_BY_RUN)
    logs.configure("run")
    supervisor = Supervisor(found, of_folder(found), stage, feed)
    try:
        asyncio.run(supervisor.run())
    except AnchorwatchError:
        raise
    except Exception as error:  # the edge of the program
        logging.getLogger("anchorwatch").exception("run.ended exit=70")
        raise typer.Exit(70) from error
