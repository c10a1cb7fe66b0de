"""How is one field of an event read, when the strict reading failed? Refuse, repair or note: interfaces.md 1.

Each reader takes the value (never null: that is absent), the field's name and the record's remarks; gives the value to keep, None for the
default; raises EventRejected to refuse the record.
"""

import math
from collections.abc import Callable
from typing import Any

from anchorwatch import trace
from anchorwatch.errors import EventRejected
from anchorwatch.events import MODEL_NAME, Answer, FeatureMeta, Flag, canonical
from anchorwatch.sources.native.careful import Remarks, kind_of, number
from anchorwatch.sources.native.times import MS_END, instant

Reader = Callable[[Any, str, Remarks], Any]

ID_MAX = 200  # bytes
META_MAX = 512  # features that tell their age; the rest is not looked at
ROUNDING = 1e-6


def wrong(name: str, expected: str, value: Any, fix: str) -> EventRejected:
    shown = (
        repr(value if not isinstance(value, str) else value[:40])[:60] if isinstance(value, str | int | float) else f"an {kind_of(value)}"
    )
    return EventRejected(f"expected {expected}, got {shown}", path=f"$.{name}", fix=fix, kind="field")


def identity(value: Any, name: str, _: Remarks) -> str:
    if not isinstance(value, str):
        raise wrong(name, "text", value, "send the id as text, the same in predictions and in all that is told of them")
    if not 1 <= len(value.encode()) <= ID_MAX:
        raise wrong(name, f"1 to {ID_MAX} bytes", value, "use a short unique id, such as a UUID")
    return value


def model(value: Any, name: str, _: Remarks) -> str:
    if not isinstance(value, str) or not MODEL_NAME.fullmatch(value):
        raise wrong(name, "a model name of small letters, digits, dot, hyphen and underscore", value, "send the `model` of its contract")
    return value


def answer(value: Any, name: str, remarks: Remarks) -> Answer | None:
    if isinstance(value, str | bool):
        return value
    found = number(value)
    if found is None:
        raise wrong(name, "text, number or bool", value, "send the class or the number alone")
    if not math.isfinite(found):
        remarks.not_finite(f"$.{name}", found)
        return None
    return found


def text_up_to(most: int) -> Reader:
    """Text of at most so many characters: longer is cut and noted, a number or bool becomes its text and is noted."""

    def read(value: Any, name: str, remarks: Remarks) -> str | None:
        if isinstance(value, bool | int | float) and math.isfinite(number(value) or 0.0):
            remarks.note(f"retyped:$.{name}")
            value = canonical(value)
        if not isinstance(value, str):
            remarks.note(f"retyped:$.{name}")
            return None
        if len(value) > most:
            remarks.note(f"cut:$.{name}")
        return value[:most] or None

    return read


def needed_text_up_to(most: int) -> Reader:
    optional = text_up_to(most)

    def read(value: Any, name: str, remarks: Remarks) -> str:
        found = optional(value, name, remarks) if not isinstance(value, list | dict) else None
        if not found:
            raise wrong(name, f"text of 1 to {most} characters", value, "send its name")
        return str(found)

    return read


def one_of(*words: str) -> Reader:
    def read(value: Any, name: str, _: Remarks) -> str:
        if value not in words or not isinstance(value, str):
            raise wrong(name, f"one of {', '.join(words)}", value, "correct the word or leave the field out")
        return value

    return read


def one_of_or_default(*words: str) -> Reader:
    def read(value: Any, name: str, remarks: Remarks) -> str | None:
        if isinstance(value, str) and value in words:
            return value
        remarks.note(f"unknown_word:$.{name}")
        return None

    return read


def time(value: Any, name: str, remarks: Remarks) -> int | float | str | None:
    """Only its type and range are looked at here: what it means is settled for the whole batch."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        remarks.note("time_unreadable")
        return None
    if isinstance(value, float) and not math.isfinite(value):
        remarks.not_finite(f"$.{name}", value)
        return None
    if not isinstance(value, str) and not 0 <= value < MS_END:
        remarks.note("time_unreadable")
        return None
    return value


def milliseconds(value: Any, name: str, remarks: Remarks) -> float | None:
    found = _finite(value, name, remarks)
    if found is not None and found < 0:
        remarks.note("negative_latency")
        return 0.0
    return found


def probability(value: Any, name: str, remarks: Remarks) -> float | None:
    found = _finite(value, name, remarks)
    if found is None:
        return None
    if 0 <= found <= 1:
        return found
    if -ROUNDING <= found <= 1 + ROUNDING:
        remarks.note(f"{name}_clamped")
        return min(max(found, 0.0), 1.0)
    remarks.repair(f"{name}_out_of_range", found)
    return None


def probabilities(value: Any, name: str, remarks: Remarks) -> dict[str, float] | None:
    """One entry out of range spoils them all: a distribution with a hole is none."""
    if not isinstance(value, dict):
        remarks.repair(f"retyped:$.{name}", value)
        return None
    found = {label: probability(each, name, remarks) for label, each in value.items()}
    return None if None in found.values() else {label: each for label, each in found.items() if each is not None}


def weight(value: Any, name: str, _: Remarks) -> float:
    found = number(value)
    if found is None or not 0 < found <= 1:
        raise wrong(name, "a share above 0, at most 1", value, "send the chance of being drawn or logged: events are weighted by 1 over it")
    return found


def whole_number(value: Any, name: str, remarks: Remarks) -> int | None:
    found = float(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else number(value)
    if found is None or not found.is_integer() or not 0 <= found < 2**31:
        remarks.note(f"retyped:$.{name}")
        return None
    if isinstance(value, str):
        remarks.note(f"retyped:$.{name}")
    return int(found)


def segments(value: Any, name: str, remarks: Remarks) -> dict[str, str] | None:
    if not isinstance(value, dict):
        remarks.note(f"retyped:$.{name}")
        return None
    found = {}
    for dimension, each in value.items():
        if isinstance(each, str):
            found[dimension] = each
        elif isinstance(each, bool | int | float) and math.isfinite(number(each) or 0.0):
            found[dimension] = canonical(each)
        elif each is not None:
            remarks.note("segment_ignored")  # nested or not finite
    return found


def flag(value: Any, name: str, remarks: Remarks) -> Flag | None:
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        remarks.note(f"retyped:$.{name}")
        return None
    rest = {}
    for part in ("variant", "reason", "version"):
        each = value.get(part)
        rest[part] = each if isinstance(each, str | None) else text_up_to(ID_MAX)(each, f"{name}.{part}", remarks)
    return Flag(value["key"], **rest)


def feature_meta(value: Any, name: str, remarks: Remarks) -> dict[str, FeatureMeta] | None:
    """What is no age is left out and noted, the rest is kept; times become milliseconds."""
    if not isinstance(value, dict):
        remarks.note(f"retyped:$.{name}")
        return None
    found = {}
    for feature, meta in list(value.items())[:META_MAX]:
        at = (
            time(meta.get("at_ms"), f"{name}.{feature}.at_ms", remarks)
            if isinstance(meta, dict) and meta.get("at_ms") is not None
            else None
        )
        status = meta.get("status") if isinstance(meta, dict) else None
        if not isinstance(meta, dict) or not isinstance(status, str | None):
            remarks.note(f"retyped:$.{name}")
            continue
        made = instant(at) if at is not None else None
        if isinstance(made, str):
            remarks.note(made)
            made = None
        found[feature] = FeatureMeta(made, status[:64] if status else None)
    return found


def traceparent(value: Any, _: str, remarks: Remarks) -> str | None:
    if isinstance(value, str) and len(value) == 55 and trace.parse(value):
        return value
    remarks.note("malformed_traceparent")
    return None


def truth(value: Any, name: str, remarks: Remarks) -> bool | None:
    if isinstance(value, bool):
        return value
    remarks.note(f"retyped:$.{name}")
    return None


def names(value: Any, name: str, remarks: Remarks) -> list[str] | None:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    remarks.note(f"retyped:$.{name}")
    return None


def state(value: Any, name: str, remarks: Remarks) -> str:
    """Many switches are written as true and false."""
    if isinstance(value, bool):
        remarks.note(f"retyped:$.{name}")
        return "on" if value else "off"
    return str(needed_text_up_to(ID_MAX)(value, name, remarks))


def _finite(value: Any, name: str, remarks: Remarks) -> float | None:
    found = number(value)
    if found is None:
        remarks.repair(f"retyped:$.{name}", value)
        return None
    if not math.isfinite(found):
        remarks.not_finite(f"$.{name}", found)
        return None
    return found


def feature(kind: str, value: Any, name: str, remarks: Remarks) -> Any:
    """kind: number, category, text or bool. Gives the value of that type, None when it was absent, repaired or ignored."""
    if value is None:
        return None
    if isinstance(value, dict | list):
        remarks.note(f"nested_feature:{name}")
        return None
    if kind == "number":
        found = number(value)
        if found is not None:
            if math.isfinite(found):
                return found
            remarks.not_finite(name, found)
            return None
    elif isinstance(value, bool if kind == "bool" else str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        remarks.not_finite(name, value)
    else:
        remarks.repair(f"retyped:{name}", value)
    return None
