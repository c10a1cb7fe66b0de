"""Announce the end of a model: its silence is no alarm any more."""

import sys
import time
from typing import Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of


def command(
    model: Annotated[str, typer.Argument(help="As fraud, or staging/fraud.", metavar="MODEL")],
    reason: Annotated[str, typer.Option(help="Why, in a few words: others will read it.")] = "",
    actor: Annotated[str | None, typer.Option(envvar="ANCHORWATCH_ACTOR", help="Who says so; else your login name.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="It is in use again: silence counts from now on.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Written to `flags` as an announced switch-off: told once as `ModelRetired`, which wakes nobody. Its contract stays in force."""
    import msgspec

    from anchorwatch.cli._written import known, login, write
    from anchorwatch.errors import ConfigError
    from anchorwatch.events import FlagChange

    if not reason.strip():
        raise ConfigError('retire needs a reason, for those who come after you: --reason "replaced by fraud-v2"')
    chosen = settings_of(settings, bootstrap)
    environment, name = model.split("/", 1) if "/" in model else ("prod", model)
    known(chosen, f"{environment}/{name}", model)
    change = FlagChange(
        key=f"retired:{name}", state="on" if undo else "off", models=[name], announced=True, environment=environment,
        changed_at_ms=time.time_ns() // 1_000_000, actor=actor or login(), reason=reason.strip(),
    )  # fmt: skip
    write(chosen, "flags", f"{environment}/{change.key}", change)
    if as_json:
        sys.stdout.write(msgspec.json.encode(change).decode() + "\n")
        return
    said = "in use again" if undo else "retired"
    sys.stdout.write(f"✓ {environment}/{name} is {said}: {change.reason}; the judge tells it with the next window\n")
