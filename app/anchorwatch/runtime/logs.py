"""One log for one program: a line per decision on standard error, `name=value`, from our own loggers and from structlog's."""

import logging
import sys
from typing import Any

import structlog

FORMAT = "%(asctime)s %(levelname)-7s {who} %(message)s"
QUIET = ("faust", "mode", "aiohttp.access", "asyncio")  # what they say of starting and stopping; warnings pass


class Clean(logging.Formatter):
    """What a producer named a key or a segment neither moves the cursor nor begins a line that looks like ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = "".join(c if c.isprintable() else "\n    " if c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Faust asks for the stack also where nothing was raised: not `NoneType: None`."""
        return super().formatException(ei) if ei[0] else ""


def configure(who: str) -> None:
    """who: tells processes of one supervisor apart."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Clean(FORMAT.format(who=who.replace("%", "%%"))))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[_line],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _line(_: Any, __: str, event: Any) -> str:
    """`alert state=firing severity=critical summary="..."`: text with a space in it is quoted."""
    told = dict(event)
    name = str(told.pop("event", ""))
    told.pop("exc_info", None)
    words = [name, *(f"{key}={_shown(value)}" for key, value in told.items())]
    return " ".join(words)


def _shown(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
