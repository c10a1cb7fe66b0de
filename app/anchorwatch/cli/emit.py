"""Send a test event: a prediction, outcome, decision, complaint or flag change."""

import json
import sys
from typing import Annotated, Any

import typer

from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of

LINES_MAX = 10_000  # of standard input at once


def command(
    kind: Annotated[str, typer.Argument(help="prediction, outcome, decision, complaint or flag.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="name=value, as model=fraud features.amount=99.5; or - for lines of JSON from standard input."),
    ] = None,
    topic: Annotated[str, typer.Option(help="Another topic than the standard one.")] = "",
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON an event.")] = False,
) -> None:
    """Checked as ingest would check it: what would become a dead letter is refused here, with its remedy."""
    from anchorwatch.errors import ConfigError, EventRejected
    from anchorwatch.runtime import emit

    settled = settings_of(settings, bootstrap)
    events = _lines() if fields == ["-"] else [emit.from_words(fields or [])]
    try:
        records = [emit.record(settled, kind, event, topic) for event in events]
    except EventRejected as error:
        raise ConfigError(f"emit {kind}: {error}") from error
    for record, place in zip(records, emit.send(settled, records), strict=True):
        key = (record.key or b"").decode()
        typer.echo(json.dumps({"key": key, "place": place}) if as_json else f"✓ {key}  {place}")


def _lines() -> list[dict[str, Any]]:
    """Raises ConfigError with the line."""
    from anchorwatch.errors import ConfigError

    found = []
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        if number > LINES_MAX:
            raise ConfigError(f"standard input: more than {LINES_MAX:,} lines; `anchorwatch replay` sends whole files")
        try:
            event = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"standard input:{number}: is no JSON: {error}") from error
        if not isinstance(event, dict):
            raise ConfigError(f'standard input:{number}: must be one object, as {{"model": "fraud"}}')
        found.append(event)
    return found
