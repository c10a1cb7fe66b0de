"""What would have been heard? A file of past predictions through both stages, without Kafka."""

from anchorwatch.cli._course import (
    AsJson,
    ContractFile,
    Pages,
    ReferenceRows,
    ReferenceUntil,
    Rows,
    Window,
    course,
    milliseconds,
    pages,
    tell,
)
from anchorwatch.cli._waiting import Waiting


def command(
    file: Rows,
    contract: ContractFile,
    reference: ReferenceRows = None,
    reference_until: ReferenceUntil = "",
    window: Window = "10s",
    pages_per_month: Pages = 1.0,
    as_json: AsJson = False,
) -> None:
    """Without a reference of either kind the contract's `reference.window` is taken from FILE. Leaves with 1 when something is heard."""
    from anchorwatch.runtime.backtest import backtest
    from anchorwatch.runtime.drive import Clockwork

    window_ms = milliseconds("--window", window)
    planned = course(file, contract, reference, reference_until, window_ms)
    tell(backtest(planned, Clockwork(window_ms=window_ms, pages_per_month=pages(pages_per_month)), Waiting("backtest")), as_json=as_json)
