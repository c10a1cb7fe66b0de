"""Watch: supervise an ingest process per feed, one for each topic that is written anew or of siblings, and one judge; alerts go to the sinks."""

import asyncio
import logging
from typing import Annotated

import typer

from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of


def command(
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    stage: Annotated[str, typer.Option(help="Only this stage: ingest (with what writes topics anew and counts siblings) or judge.")] = "",
    feed: Annotated[str, typer.Option(help="Only this feed of ingest.")] = "",
    instance: Annotated[str | None, typer.Option(help="Name of this worker among its equals, kept over restarts.")] = None,
) -> None:
    """Runs until Ctrl-C or SIGTERM. /livez, /readyz, /metrics and hooks are on 127.0.0.1:6066 unless `run:` says otherwise."""
    from anchorwatch.config import NEEDED_BY_RUN
    from anchorwatch.errors import AnchorwatchError
    from anchorwatch.runtime import logs
    from anchorwatch.runtime.contracts import of_folder
    from anchorwatch.runtime.supervise import Supervisor

    found = settings_of(settings, bootstrap, {"instance": instance}, NEEDED_BY_RUN)
    logs.configure("run")
    supervisor = Supervisor(found, of_folder(found), stage, feed)
    try:
        asyncio.run(supervisor.run())
    except AnchorwatchError:
        raise
    except Exception as error:  # the edge of the program
        logging.getLogger("anchorwatch").exception("run.ended exit=70")
        raise typer.Exit(70) from error
