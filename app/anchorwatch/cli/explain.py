"""Show the arithmetic behind an alert: reference, line, bets, evidence in days, mark, and what to hand over."""

from typing import Annotated

import typer

from anchorwatch.cli._alerts_read import AsJson, matching, state
from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of


def command(
    target: Annotated[str, typer.Argument(help="An alert's id (or its beginning) or key.", metavar="ALERT")],
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """From the alert back to its numbers."""
    from anchorwatch.cli import _explained as explained

    found = explained.explained(matching(state(settings_of(settings, bootstrap)), target)[0])
    (explained.json_line if as_json else explained.table)(found)
