"""How may an alert change? The life of one alert as a table; whatever is not in it changes nothing and writes no record.

             | alarm   worse   heal        clear     ack           resolve   overdue  forget
-------------+-----------------------------------------------------------------------------
quiet        | firing  .       .           .         .             .         .        .
firing       | .       firing  recovering  resolved  acknowledged  resolved  firing   .
acknowledged | .       firing  recovering  resolved  .             resolved  .        .
recovering   | firing  firing  .           resolved  .             resolved  .        .
resolved     | firing  firing  .           .         .             .         .        quiet
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

State = Literal["quiet", "firing", "acknowledged", "recovering", "resolved"]
Event = Literal[
    "alarm",  # evidence at its mark, or an exact finding
    "worse",  # the same, one severity higher than told
    "heal",  # a dated return, no longer any alarm
    "clear",  # the all-clear, or "no longer watched"
    "ack",  # a person looks after it
    "resolve",  # a person says it is over, or accepts the present as normal
    "overdue",  # nobody acknowledged in time: next escalation step
    "forget",  # 7 days after resolved
]
STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)

TABLE: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        "quiet": {"alarm": "firing"},
        "firing": {
            "worse": "firing",
            "heal": "recovering",
            "clear": "resolved",
            "ack": "acknowledged",
            "resolve": "resolved",
            "overdue": "firing",
        },
        "acknowledged": {"worse": "firing", "heal": "recovering", "clear": "resolved", "resolve": "resolved"},
        "recovering": {"alarm": "firing", "worse": "firing", "clear": "resolved", "resolve": "resolved"},
        "resolved": {"alarm": "firing", "worse": "firing", "forget": "quiet"},
    }
)


def after(state: State, event: Event) -> State | None:
    """The next state; None: nothing happens."""
    return TABLE[state].get(event)


def drawing() -> str:
    """The table in the docstring above, drawn from `TABLE`."""
    widths = [max(len(event), *(len(after(state, event) or ".") for state in STATES)) for event in EVENTS]
    left = max(map(len, STATES))

    def line(head: str, cells: list[str]) -> str:
        return f"{head:<{left}} | {'  '.join(f'{cell:<{width}}' for cell, width in zip(cells, widths, strict=True))}".rstrip()

    rows = [line(state, [after(state, event) or "." for event in EVENTS]) for state in STATES]
    ruler = "-" * (left + 1) + "+" + "-" * (max(map(len, rows)) - left - 2)
    return "\n".join([line("", list(EVENTS)), ruler, *rows])
