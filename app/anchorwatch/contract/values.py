"""What may stand at one place of a contract or settings file, and in which unit it is kept.

A YAML scalar written without quotes arrives as `Plain`: its text as written, so that each place decides what it means. `no`, `NO`, `010`
and `1e3` stay text where text is expected (by YAML 1.1 they would be false, false, 8 and a text after all); only `true` and `false` are
booleans. Where text is expected and "nothing" is written (`null`, `~`), the error says to quote it.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from anchorwatch.events import canonical

TEXT_MAX = 500  # characters of any one text
NOTHING = frozenset(("", "~", "null", "Null", "NULL"))
NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,15})")
AMOUNT = re.compile(r"(-?)([0-9]{1,16})\s*([^\W\d_]*)")
MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION_PATTERN = "^[0-9]+ ?(ms|s|m|h|d|w)$"
DURATION_MAX_MS = 3_660 * MS["d"]
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
DATE = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[-+]\d\d:\d\d)")


class Unfit(ValueError):
    """A value does not fit its place. A ValueError, since pydantic collects those."""


class Plain(str):
    """A scalar as written, without quotes around it: what it means depends on its place."""

    __slots__ = ()


def text(value: object) -> str:
    if isinstance(value, Plain) and value in NOTHING:
        if not value:
            raise Unfit("nothing is written here; fill it in or leave the key out")
        raise Unfit(f'means "nothing" in YAML; if it is a text, quote it: "{value}"; else leave the key out')
    if not isinstance(value, str):
        raise Unfit("must be text" + ("" if isinstance(value, (dict, list)) else ", quote it"))
    if not value.strip():
        raise Unfit("must not be empty")
    if len(value) > TEXT_MAX:
        raise Unfit(f"must have at most {TEXT_MAX} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise Unfit("must not hold control characters or halves of surrogate pairs")
    return str(value)


def switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in ("true", "false"):
        return value == "true"
    raise Unfit("must be true or false" + (", without quotes" if value in ("true", "false") else ""))


def number(value: object) -> float:
    if isinstance(value, Plain) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, str):
        raise Unfit("must be a number" + ("" if isinstance(value, Plain) else ", without quotes"))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unfit("must be a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise Unfit("must be finite")
    return result


def whole(value: object) -> int:
    if isinstance(value, Plain) and WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("must be a whole number" + (", without quotes" if type(value) is str and WHOLE.fullmatch(value) else ""))
    if abs(value) >= 10**16:
        raise Unfit("must be below 1e16")
    return value


def duration(value: object) -> int:
    """Milliseconds. `80ms`, `5s`, `5m`, `24h`, `3d`, `4w`: a whole number and its unit."""
    if isinstance(value, (int, float, bool)) or (isinstance(value, str) and NUMBER.fullmatch(value.strip()) and value.strip()):
        raise Unfit(f"write a unit: {value}ms, {value}s, {value}m, {value}h or {value}d" if not isinstance(value, bool) else NO_DURATION)
    amount = AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if amount is None:
        raise Unfit(NO_DURATION)
    sign, digits, unit = amount.groups()
    if unit not in MS:
        raise Unfit(f'unknown unit "{unit}"; write ms, s, m (minutes), h, d or w')
    if sign:
        raise Unfit("must be above 0")
    if (ms := int(digits) * MS[unit]) > DURATION_MAX_MS:
        raise Unfit("must be below 10 years")
    return ms


NO_DURATION = "must be a time span: a whole number and its unit, as 80ms, 5s, 5m, 24h or 3d"


def duration_text(ms: int) -> str:
    """The largest unit that divides it: 259200000 -> 3d. Weeks are written in days."""
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if ms % MS[unit] == 0)
    return f"{ms // MS[unit]}{unit}" if ms else "0ms"


def size(value: object) -> int:
    """Bytes. `512MB`, `64MiB`."""
    amount = AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if amount is None or amount[3] not in BYTES or amount[1]:
        raise Unfit("must be a size: a whole number and its unit, as 512MB, 64MiB or 900kB")
    return int(amount[2]) * BYTES[amount[3]]


def size_text(n: int) -> str:
    unit = next(unit for unit in ("GB", "GiB", "MB", "MiB", "kB", "KiB", "B") if n % BYTES[unit] == 0)
    return f"{n // BYTES[unit]}{unit}"


def instant(value: object, info: ValidationInfo) -> int:
    """Milliseconds since 1970 UTC. A date means its midnight in the contract's `timezone` (validation context `zone`, default UTC)."""
    if not isinstance(value, str):
        raise Unfit(NO_INSTANT)
    written = value.strip()
    zone: tzinfo = (info.context or {}).get("zone") or UTC
    try:
        if DATE.fullmatch(written):
            at = datetime.fromisoformat(written).replace(tzinfo=zone)
        elif INSTANT.fullmatch(written):
            at = datetime.fromisoformat(written.upper())
        else:
            raise Unfit(NO_INSTANT)
        since = at.astimezone(UTC) - EPOCH
    except (ValueError, OverflowError) as error:
        raise Unfit(NO_INSTANT if str(error) == NO_INSTANT else f"is no such day or time ({error})") from None
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000  # integers: a float loses milliseconds


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_INSTANT = "must be a date (2026-09-01) or a time with its offset (2026-09-01T06:00:00Z, 2026-09-01T08:00:00+02:00)"


def instant_text(ms: int) -> str:
    seconds, rest = divmod(ms, 1_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{rest:03d}Z" if rest else "Z")


def class_name(value: object) -> str:
    """Text that events are compared with: a number is compared by its canonical text, so `1.0` or `1e3` unquoted would never be met."""
    if isinstance(value, Plain) and NUMBER.fullmatch(value):
        short = canonical(float(value))
        if short != value and math.isfinite(float(value)):
            raise Unfit(f'as a number it is compared as {short}: write {short}, or quote it if it is a text: "{value}"')
    return text(value)


def shaped(pattern: str, reason: str) -> AfterValidator:
    """Text of one shape; `reason` says which."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise Unfit(reason)
        return value

    return AfterValidator(check)


def within(low: float, high: float, reason: str, *, open_low: bool = False) -> AfterValidator:
    """A number in [low, high], or (low, high] with `open_low`."""

    def check(value: float) -> float:
        if not low <= value <= high or (open_low and value == low):
            raise Unfit(reason)
        return value

    return AfterValidator(check)


def _schema(**words: Any) -> WithJsonSchema:
    return WithJsonSchema(words)


def _written(write: Callable[[int], str]) -> PlainSerializer:
    return PlainSerializer(write, return_type=str)


_DURATION_SCHEMA = _schema(type="string", pattern=DURATION_PATTERN, examples=["80ms", "5s", "5m", "24h", "3d"])

Text = Annotated[str, BeforeValidator(text), _schema(type="string", minLength=1, maxLength=TEXT_MAX)]
ClassName = Annotated[str, BeforeValidator(class_name), _schema(type=["string", "number", "boolean"], maxLength=TEXT_MAX)]
Switch = Annotated[bool, BeforeValidator(switch), _schema(type="boolean")]
Number = Annotated[float, BeforeValidator(number), _schema(type="number")]
Share = Annotated[Number, within(0, 1, "must be a share, 0..1; write 0.02 for 2 %"), _schema(type="number", minimum=0, maximum=1)]
Whole = Annotated[int, BeforeValidator(whole), _schema(type="integer")]
Duration = Annotated[int, BeforeValidator(duration), within(1, math.inf, "must be above 0"), _written(duration_text), _DURATION_SCHEMA]
Wait = Annotated[int, BeforeValidator(duration), _written(duration_text), _DURATION_SCHEMA]  # 0m allowed
Size = Annotated[
    int,
    BeforeValidator(size),
    within(1, 2**50, "must be above 0 and at most 1 PiB"),
    _written(size_text),
    _schema(type="string", examples=["512MB"]),
]
Instant = Annotated[
    int, BeforeValidator(instant), _written(instant_text), _schema(type="string", examples=["2026-09-01", "2026-09-01T06:00:00Z"])
]
ModelName = Annotated[
    Text,
    shaped(r"[a-z0-9][a-z0-9._-]{0,62}", "must be small letters, digits, '.', '_', '-', at most 63, beginning with a letter or digit"),
    _schema(type="string", pattern="^[a-z0-9][a-z0-9._-]{0,62}$"),
]
Environment = Annotated[
    Text,
    shaped(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "must be letters, digits, '.', '_', '-', at most 64, beginning with a letter or digit"),
    _schema(type="string", pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
]
TopicName = Annotated[
    Text,
    shaped(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}", "is no topic name: letters, digits, '.', '_', '-', at most 249"),
    _schema(type="string", pattern="^[A-Za-z0-9._-]{1,249}$"),
]
SegmentName = Annotated[
    Text,
    shaped(r"[^=,]{1,100}", "is no segment's name: at most 100 characters, neither '=' nor ','"),
    _schema(type="string", pattern="^[^=,]{1,100}$"),
]
