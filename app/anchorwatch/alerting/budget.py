"""How many days of luck does one page cost? Shares of the alert budget (detection.md 1).

A fleet may cost its owners `pages_per_month` false pages. A monitor with share s earns s * days of credit and pages at M >= N, where N is
`level_days` of its model: so false pages of a model up to T are at most T / N, whatever its monitors have to do with each other, as long
as the shares of each list sum to at most 1. News has a list of its own, so that it costs neither pages nor warnings: by the same proof a
model tells at most T / N that are none.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from anchorwatch.errors import ConfigError

MONTH_DAYS = 30.0
EVIDENCE_DIGITS = 6  # M is rounded before it is compared: log and exp differ in the last bits between machines

Kind = Literal["harm", "cause", "news"]

SHARES_HARM: Mapping[str, float] = MappingProxyType(
    {"quality": 0.40, "latency": 0.20, "alive": 0.15, "baseline": 0.10, "labels": 0.10, "slices": 0.05}
)
SHARES_CAUSE: Mapping[str, float] = MappingProxyType({"inputs": 0.50, "predictions": 0.30, "impact": 0.15, "volume": 0.05})
SHARES_NEWS: Mapping[str, float] = MappingProxyType({"quality": 0.60, "latency": 0.20, "impact": 0.20})
SHARES: Mapping[Kind, Mapping[str, float]] = MappingProxyType({"harm": SHARES_HARM, "cause": SHARES_CAUSE, "news": SHARES_NEWS})


def level_days(pages_per_month: float, weight: float, weights_sum: float) -> float:
    """N: the mark of a model in days, 30 / (pages_per_month * weight / sum of weights). A page is due at M >= N.

    >>> level_days(pages_per_month=1, weight=1, weights_sum=1)
    30.0
    >>> level_days(pages_per_month=2, weight=1, weights_sum=4)
    60.0
    """
    for name, value in (("pages_per_month", pages_per_month), ("budget.weight", weight), ("sum of weights", weights_sum)):
        if not 0 < value < float("inf"):
            raise ConfigError(f"{name} = {value}: must be a finite number above 0; 1 page a month is the default")
    if weight > weights_sum * (1 + 1e-9):
        raise ConfigError(f"budget.weight = {weight}: above the sum of all weights {weights_sum}; count every model once")
    return MONTH_DAYS * weights_sum / (pages_per_month * weight)


def share(watch: str, *, whole: bool, n_segments: int, n_parts: int = 1, news: bool = False) -> float:
    """s of one monitor. Inside a watch the whole takes half; the segments share the other half in equal parts; then parts in equal parts.

    n_segments: segments beside the whole, `other` counted as one; 0: the whole alone (its half stays as it is: a segment may come).
    n_parts:    metrics x horizons x fields that this watch judges in that segment, at least 1; of its news alone where that is asked for.
    news:       of its news, a list of its own.
    Shares of watches that are absent are simply unused, so that a monitor keeps its share whatever else is watched.

    >>> share("quality", whole=True, n_segments=9)
    0.2
    >>> round(share("inputs", whole=False, n_segments=5, n_parts=10), 6)
    0.005
    """
    assert n_parts >= 1, "a watch that judges nothing has no monitor to ask for"
    assert whole or n_segments >= 1, "a segment's share was asked for a watch without segments"
    half = share_of_watch(watch, news=news) / 2
    return half / n_parts if whole else half / n_segments / n_parts


def share_of_watch(watch: str, *, news: bool = False) -> float:
    """The whole share of a watch in its list; KeyError names what is known."""
    kind = kind_of(watch, news=news)
    try:
        return SHARES[kind][watch]
    except KeyError as error:
        known = [*SHARES_NEWS] if news else [*SHARES_HARM, *SHARES_CAUSE]
        raise KeyError(f"watch {watch!r} has no share of the budget{' for news' if news else ''}; known: {', '.join(known)}") from error


def kind_of(watch: str, *, news: bool = False) -> Kind:
    """`harm` may page; `cause` warns and joins incidents; `news` is told as info. A watch without a share (exact rules only) is a cause."""
    return "news" if news else "harm" if watch in SHARES_HARM else "cause"


def rounded(days: float) -> float:
    """M as it is compared with N, written and replayed: 6 significant digits.

    >>> rounded(29.99999999)
    30.0
    """
    return float(f"{days:.{EVIDENCE_DIGITS}g}")
