"""The command line: one command per file, found by its file name; nothing heavy is imported until a command runs.

A file holds either `command`, a function, or `app`, a `typer.Typer` with commands below it. Its docstring's first line is its help.
Exit codes: 0 fine, 1 something found, 2 usage, configuration or a person must act, 3 cannot reach Kafka or a service, 70 unexpected.
"""

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from anchorwatch.errors import AnchorwatchError, ContractError

HERE = Path(__file__).parent


def names() -> list[str]:
    """Every file of this folder is a command, but those that begin with an underscore."""
    return sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def summary(name: str) -> str:
    """The first line of a command's docstring, read without importing it."""
    doc = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text("utf-8"))) or ""
    return doc.partition("\n")[0]


def build(wanted: str | None) -> typer.Typer:
    """Only the wanted command is imported; the others stand there with name and help."""
    root = typer.Typer(
        name="anchorwatch",
        help="The crew that stays awake: monitoring of machine-learning models in production, on Kafka.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # drawn by rich, --help took 310 ms instead of 130
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_version_option)
    for name in names():
        if name != wanted:
            root.command(name, help=summary(name))(_placeholder)
            continue
        module = importlib.import_module(f"anchorwatch.cli.{name}")
        if isinstance(sub := getattr(module, "app", None), typer.Typer):
            root.add_typer(sub, name=name, help=module.__doc__, no_args_is_help=True)
        else:
            root.command(name, help=module.__doc__)(_command_of(module))
    return root


def _command_of(module: ModuleType) -> Callable[..., Any]:
    command: Callable[..., Any] = module.command
    return command


def _placeholder() -> None:
    """Stands for a command that was not asked for."""


def _say_version(wanted: bool) -> None:
    if wanted:  # in a callback of the option: the body of a group does not run without a command
        from anchorwatch import __version__

        typer.echo(__version__)
        raise typer.Exit


def _version_option(
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_say_version, help="Print the version and leave."),
) -> None:
    """Options of `anchorwatch` itself."""


def launch(arguments: Sequence[str]) -> int:  # not `run`: the command of that name is a module here
    """The exit code. Errors of operators are one message without a stack trace."""
    known = set(names())
    wanted = next((word for word in arguments if word in known), None)
    try:
        result = build(wanted)(list(arguments), standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except ContractError as error:
        for problem in error.problems:
            sys.stderr.write(f"✗ {problem}\n")
        return error.exit_code
    except AnchorwatchError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"{'' if line.startswith(' ') else '✗ '}{line}\n")  # a problem a line; what goes on is indented
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the edge: whoever starts us may start us again
        if os.environ.get("ANCHORWATCH_DEBUG"):
            traceback.print_exc()
        sys.stderr.write(
            f"✗ unexpected: {type(error).__name__}: {error}\n  A fault of ours; ANCHORWATCH_DEBUG=1 shows where it happened.\n"
        )
        return AnchorwatchError.exit_code
    return int(result or 0)
