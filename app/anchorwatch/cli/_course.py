"""Which file, which contract, what is normal: asked alike by `backtest` and `replay`, and told alike."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._catalogue import catalogue_of

if TYPE_CHECKING:
    from anchorwatch.contract import Contract
    from anchorwatch.runtime.backtest import Course, Told

Rows = Annotated[
    Path, typer.Argument(help="Rows as `apply --reference` takes them (.csv), or native events (.jsonl); .gz as well.", metavar="FILE")
]
ContractFile = Annotated[Path, typer.Option("--contract", help="The model's contract file; it need not be applied.")]
ReferenceRows = Annotated[Path | None, typer.Option("--reference", help="Rows of a quiet time: what is normal.")]
ReferenceUntil = Annotated[
    str, typer.Option("--reference-until", help="A day or time: predictions of FILE before it are the reference, the rest is judged.")
]
Window = Annotated[str, typer.Option(help="How much is judged at once; with a few events an hour, 1h.")]
Pages = Annotated[float, typer.Option("--pages-per-month", help="False pages that the fleet may cost its owners a month.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]


def course(file: Path, contract: Path, reference: Path | None, until: str, window_ms: int) -> "Course":
    """What both `backtest` and `replay` are about to drive. Raises OperatorError."""
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime.backtest import plan, read, unheard

    if reference is not None and until:
        raise ConfigError("--reference and --reference-until both say what is normal; give one")
    promised = contract_of(contract)
    normal = read(reference, promised) if reference is not None else None
    until_ms = instant_of(until, promised) if until else None
    made = plan(promised, read(file, promised), window_ms=window_ms, reference=normal, until_ms=until_ms)
    sys.stderr.writelines(f"{why}\n" for why in unheard(made))
    return made


def contract_of(path: Path) -> "Contract":
    from anchorwatch.config import text_of
    from anchorwatch.contract import parse

    text = text_of(path, "contract")
    return parse(text, str(path), catalogue_of(text), runnable=True)


def milliseconds(option: str, text: str) -> int:
    from anchorwatch.contract.values import duration
    from anchorwatch.errors import ConfigError

    try:
        if ms := duration(text):
            return ms
    except ValueError as error:
        raise ConfigError(f"{option} {text}: {error}") from error
    raise ConfigError(f"{option} {text}: must be above 0")


def pages(per_month: float) -> float:
    from anchorwatch.errors import ConfigError

    if not 0 < per_month <= 1_000:
        raise ConfigError(f"--pages-per-month {per_month:g}: must be above 0, at most 1000; 1 is the default")
    return per_month


def tell(told: "Told", *, as_json: bool) -> None:
    """Prints it; raises Exit(1) when something would have been heard."""
    from anchorwatch.runtime import report_table

    if as_json:
        sys.stdout.write(report_table.as_json(told).decode() + "\n")
    else:
        sys.stdout.write(report_table.as_text(told))
    if report_table.rows_of(told):
        raise typer.Exit(1)


def instant_of(text: str, contract: "Contract") -> int:
    from zoneinfo import ZoneInfo

    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime.rows import Cell, instant

    try:
        return instant(text, ZoneInfo(contract.timezone))
    except Cell as error:
        raise ConfigError(f"--reference-until {text}: {error}") from error
