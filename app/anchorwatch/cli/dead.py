"""Look at records that were refused, and send them again once the reason is mended."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.runtime.dead import Letter, Reason

app = typer.Typer()
Since = Annotated[str, typer.Option(help="beginning, a time span as 10m, or a time as 2026-09-01T06:00:00Z.")]
Topic = Annotated[str, typer.Option(help="Only of this source topic.")]
Kind = Annotated[str, typer.Option(help="Only of this kind: malformed, field, schema or too_large.")]
At = Annotated[str, typer.Option("--path", help="Only those refused at this path, as $.score.")]


@app.callback()
def _dead() -> None:
    """Dead letters."""


@app.command("ls")
def ls(
    since: Since = "beginning",
    topic: Topic = "",
    kind: Kind = "",
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Why records were refused, the most frequent reason first. Leaves with 1 when there is one."""
    from anchorwatch.runtime import dead

    found = dead.reasons(dead.chosen(_letters(settings_of(settings, bootstrap), since), (), topic, kind, ""))
    if as_json:
        typer.echo(json.dumps({"reasons": [_plain(each) for each in found]}, ensure_ascii=False, indent=2))
    else:
        for each in found:
            typer.echo(_line(each))
            if each.fix:
                typer.echo(f"    fix: {each.fix}")
        if not found:
            typer.echo("no dead letter")
    if found:
        raise typer.Exit(1)


@app.command("show")
def show(
    place: Annotated[str, typer.Argument(help="<partition>@<offset>, as `ls` names it.")],
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """One dead letter with its record as it came. It may hold what is personal."""
    from anchorwatch.runtime import dead

    settled = settings_of(settings, bootstrap)
    (found,) = dead.chosen(_letters(settled, "beginning"), (place,), "", "", "")
    told = _whole(found, dead.first_place(settled, found))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for name, value in told.items():
        typer.echo(f"{name:<8} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


@app.command("retry")
def retry(
    places: Annotated[list[str] | None, typer.Argument(help="Only these, as <partition>@<offset>; else all that the options name.")] = None,
    since: Since = "beginning",
    topic: Topic = "",
    kind: Kind = "",
    path: At = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Send records once more to the partition they came from, with their headers, all or none. What was counted before is dropped."""
    from anchorwatch.runtime import dead

    settled = settings_of(settings, bootstrap)
    found = dead.chosen(_letters(settled, since), places or (), topic, kind, path)
    able = [each for each in found if each.whole and each.origin]
    bare = dead.retry(settled, able) if yes and able else 0
    topics = {
        each.origin[0]: sum(1 for other in able if other.origin and other.origin[0] == each.origin[0]) for each in able if each.origin
    }
    if as_json:
        typer.echo(
            json.dumps(
                {"sent": yes and bool(able), "records": topics, "left_out": len(found) - len(able), "without_headers": bare}, indent=2
            )
        )
        return
    for name, n in topics.items():
        typer.echo(f"{'✓ sent again' if yes else 'would be sent again'}: {n:,} to {name}")
    if bare:
        typer.echo(f"without the headers they came with: {bare:,}, of which Kafka does not hold the original any more")
    if len(found) > len(able):
        typer.echo(f"left out: {len(found) - len(able):,} whose value was cut or not kept, or that do not say where they came from")
    if not able:
        typer.echo("nothing to send")
    elif not yes:
        typer.echo("nothing was sent; --yes does it, once the reason is mended: else they come back as dead letters")


def _letters(settings: "Settings", since: str) -> "list[Letter]":
    from anchorwatch.cli._since import begin
    from anchorwatch.engine.tail import tail
    from anchorwatch.runtime import dead

    return list(dead.letters(tail(settings.kafka, [settings.topic("dead-letters")], since=begin(since), until_end=True)))


def _line(each: "Reason") -> str:
    from anchorwatch.runtime.shown import text

    newest = f", newest {each.newest.place}" if each.newest else ""
    return text(f"{each.n:,} × {each.topic or 'no topic named'}  {each.kind} {each.path}: {each.reason}{newest}".encode())


def _plain(each: "Reason") -> dict[str, object]:
    return {
        "n": each.n, "topic": each.topic, "kind": each.kind, "path": each.path, "reason": each.reason, "fix": each.fix,
        "retriable": each.retriable, "newest": each.newest.place if each.newest else None,
    }  # fmt: skip


def _whole(found: "Letter", first: str) -> dict[str, object]:
    """first: where it stood before it was sent again, if it was."""
    from anchorwatch.runtime.shown import text, value

    origin = f"{found.origin[0]} {found.origin[1]}@{found.origin[2]}" if found.origin else "not told"
    places = {"place": found.place, "origin": origin} | ({"first": first} if first else {})
    return places | {
        "kind": found.kind, "path": found.path, "reason": found.reason, "fix": found.fix,
        "key": None if found.key is None else text(found.key), "whole": found.whole, "value": value(found.value),
    }  # fmt: skip
