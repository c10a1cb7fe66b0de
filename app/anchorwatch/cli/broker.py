"""Start, stop and look at a real Kafka on this machine, for trials.

It listens on the loopback interface only, without a password: not for production.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anchorwatch.broker.daemon import State

app = typer.Typer()
Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of words.")]


@app.command()
def start(
    nodes: Annotated[int, typer.Option(min=1, max=5, help="How many; three show what the loss of one does.")] = 1,
    port: Annotated[int, typer.Option(min=1024, max=65000, help="Client port of the first node; the others follow it.")] = 9092,
    data: Annotated[Path | None, typer.Option(help="Keep the data in this folder. Else they are thrown away at stop.")] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay here until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Start it and return when it can be used."""
    from anchorwatch.broker import daemon

    wish = daemon.Wish(nodes, port, str(data.absolute()) if data else None)
    if foreground:
        daemon.serve(wish, _say, lambda state: _show_started(state, "end it with Ctrl-C", as_json=as_json))
    else:
        _show_started(daemon.start(wish, _say), "end it with `anchorwatch broker stop`", as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop it; data go unless --data was given. Fine when none runs."""
    from anchorwatch.broker import daemon

    state = daemon.stop()
    if as_json:
        typer.echo(json.dumps({"stopped": state is not None, "data": state.data if state else None}))
    elif state is None:
        typer.echo("no broker runs")
    else:
        typer.echo("✓ stopped; " + (f"its data are kept in {state.data}" if state.data else "its data are gone"))


@app.command()
def status(as_json: Json = False) -> None:
    """Does it run, where, since when? Exit code 1 when a node is down, 3 when none runs."""
    from anchorwatch.broker import daemon

    state = daemon.status()
    if as_json:
        typer.echo(json.dumps({"running": state is not None, **(asdict(state) if state else {})}))
    elif state is None:
        typer.echo("no broker runs; start one with `anchorwatch broker start`")
        if words := daemon.last_words():
            typer.echo(words)
    else:
        _show(state)
    if state is None:
        raise typer.Exit(3)
    if state.down:
        raise typer.Exit(1)


def _say(text: str) -> None:
    sys.stderr.write(f"… {text}\n")


def _show_started(state: "State", end: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(state)))
    else:
        kept = f"data are kept in {state.data}" if state.data else "data are thrown away at stop"
        typer.echo(f"✓ Kafka {state.version} at {state.bootstrap}; {kept}; {end}")


def _show(state: "State") -> None:
    since = datetime.fromtimestamp(state.since_ms / 1000, UTC).astimezone()
    if not state.bootstrap:
        typer.echo(f"○ starts, since {since:%H:%M:%S} (process {state.pid})")
        return
    kept = state.data or "thrown away at stop"
    typer.echo(f"{'✗' if state.down else '✓'} Kafka {state.version} at {state.bootstrap} since {since:%d %b %H:%M} (process {state.pid})")
    for node in state.nodes:
        typer.echo(f"  node {node.node}  127.0.0.1:{node.port}  {f'process {node.pid}' if node.running else 'down'}")
    typer.echo(f"  data: {kept}" + (f"   log: {state.log}" if state.log else ""))
