"""What people make of a model's answers: shares per segment, and a sentence each about the whole, of decisions and of complaints."""

import numpy as np

from anchorwatch.estimators.interval import at_this_look, beta_binomial_interval
from anchorwatch.stages.recent import Recent
from anchorwatch.watches.base import COMPLAINED, DECIDED, FOLLOWED, IGNORED, NO_DECISION, Ints
from anchorwatch.watches.impact import DECIDED_MIN, REASONED, agreement, complaints, decided, kappa, kappa_draws, uses
from anchorwatch.watches.layout import Layout

# in `reasons` of a summary, where they are expected
UNHEARD = "not measured: no decision came"
NO_COMPLAINT = "not measured: no complaint came"  # nobody complained, or nobody sends it
Shares = tuple[float | None, float | None]  # followed, of those decided; ignored or never decided, of all


def shares(recent: Recent) -> list[Shares] | None:
    """Per segment; None: no decisions are expected, or nobody watches them. Below 30 decisions no number."""
    key = uses(recent.layout).key
    if key not in recent.layout.counts:
        return None
    found: list[Shares] = []
    for counts in recent.total(key):
        n, every = int(counts[decided(len(counts))].sum()), int(counts[decided(len(counts))].sum() + counts[NO_DECISION])
        followed = int(counts[FOLLOWED]) / n if n >= DECIDED_MIN else None
        found.append((followed, int(counts[[IGNORED, NO_DECISION]].sum()) / every if every >= DECIDED_MIN else None))
    return found


def complaint_shares(recent: Recent) -> list[float | None] | None:
    """Per segment the share of predictions with a complaint; None: none are expected, or nobody watches them.

    Below 30 predictions no number, and none at all while nobody complained: that may be a topic that nobody writes to.
    """
    key = complaints(recent.layout).key
    if key not in recent.layout.counts:
        return None
    total = recent.total(key)
    heard = bool(total[0, 1:].any())
    return [int(counts[1:].sum()) / n if heard and (n := int(counts.sum())) >= DECIDED_MIN else None for counts in total]


def told(layout: Layout, recent: Recent) -> dict[str, str]:
    """Why there is no number, or what the numbers say of the whole. That nothing is measured is not good news, so it is said."""
    if all(watch.name != "impact" for watch in layout.watches):
        return {}
    found = {"complaints": _complained(layout, recent)} if COMPLAINED in layout.reactions else {}
    return found | {"impact": _done(layout, recent)}


def _done(layout: Layout, recent: Recent) -> str:
    if DECIDED not in layout.reactions:
        return "not measured: the contract says nothing of decisions"
    counts = recent.total(uses(layout).key)[0]
    some = decided(len(counts))
    n, k = int(counts[some].sum()), int(counts[FOLLOWED])
    if not n:
        return UNHEARD
    if n < DECIDED_MIN:
        return f"waiting for decisions: {DECIDED_MIN} are needed"
    low, high = beta_binomial_interval(k, n)
    words = [f"followed {_percent(k / n)} [{_percent(low)}, {_percent(high)}] of {n:,} decisions"]
    return "; ".join([*words, *_overridden(layout, counts, n), *_dependence(layout, recent)])


def _complained(layout: Layout, recent: Recent) -> str:
    counts = recent.total(complaints(layout).key)[0]
    n, k = int(counts.sum()), int(counts[1:].sum())
    if not k:
        return NO_COMPLAINT
    if n < DECIDED_MIN:
        return f"waiting for predictions that are old enough: {DECIDED_MIN} are needed"
    low, high = beta_binomial_interval(k, n)
    words = f"{_percent(k / n)} [{_percent(low)}, {_percent(high)}] of {n:,} predictions drew a complaint"
    most = int(np.argmax(counts[1:-1])) if len(layout.kinds) else -1
    return (
        words
        if most < 0 or not counts[1 + most]
        else f"{words}, most of kind {layout.kinds[most]!r}, {_percent(int(counts[1 + most]) / n)}"
    )


def _overridden(layout: Layout, counts: Ints, n: int) -> list[str]:
    """The most frequent reason that has a name."""
    named = counts[REASONED : REASONED + len(layout.reasons)]
    if not len(named) or not named.max():
        return []
    place = int(np.argmax(named))
    return [f"overridden most for {layout.reasons[place]!r}, {_percent(int(named[place]) / n)}"]


def _dependence(layout: Layout, recent: Recent) -> list[str]:
    if len(layout.actions) < 2:
        return []
    side = len(layout.actions) + 1
    cells = recent.total(agreement(layout).key)[0].reshape(side, side)
    now = kappa(cells)
    if now is None:
        return []
    seen = at_this_look(kappa_draws(cells, 0), now, int(cells.sum()))
    return [f"kappa {now:.2g} [{seen.low:.2g}, {seen.high:.2g}]"]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
