"""Show a topic as it grows."""

import json
from typing import Annotated

import typer

from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of


def command(
    topic: Annotated[str, typer.Argument(help="A standard topic, as findings or alerts.events, or any topic by its whole name.")],
    since: Annotated[
        str, typer.Option(help="beginning, a time span as 10m, or a time as 2026-09-01T06:00:00Z. Else only what comes.")
    ] = "end",
    until_end: Annotated[bool, typer.Option("--until-end", help="Leave at the end of what is there now.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Leave after so many records.")] = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON a record.")] = False,
) -> None:
    """Committed records only. Joins no group, marks nothing as read. Ctrl-C ends it."""
    from anchorwatch.cli._since import begin
    from anchorwatch.config import TOPICS
    from anchorwatch.engine.tail import tail
    from anchorwatch.runtime import shown

    settled = settings_of(settings, bootstrap)
    name = settled.topic(topic) if topic in TOPICS else topic
    for n, told in enumerate(tail(settled.kafka, [name], since=begin(since), until_end=until_end), 1):
        typer.echo(json.dumps(shown.as_json(told), ensure_ascii=False) if as_json else shown.line(told))
        if n == limit:
            break
