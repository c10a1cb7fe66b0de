"""What is done with a model's answers, for people: shares per segment, and one sentence about the whole."""

import numpy as np

from anchorwatch.estimators.interval import at_this_look, beta_binomial_interval
from anchorwatch.events import UNHEARD
from anchorwatch.stages.recent import Recent
from anchorwatch.watches.base import FOLLOWED, IGNORED, NO_DECISION, Ints
from anchorwatch.watches.impact import DECIDED_MIN, REASONED, agreement, decided, kappa, kappa_draws, uses
from anchorwatch.watches.layout import Layout

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


def told(layout: Layout, recent: Recent) -> dict[str, str]:
    """Why there is no number, or what the numbers say of the whole. That nothing is measured is not good news, so it is said."""
    if all(watch.name != "impact" for watch in layout.watches):
        return {}
    if layout.decision_ms is None:
        return {"impact": "not measured: the contract says nothing of decisions"}
    counts = recent.total(uses(layout).key)[0]
    some = decided(len(counts))
    n, k = int(counts[some].sum()), int(counts[FOLLOWED])
    if not n:
        return {"impact": UNHEARD}
    if n < DECIDED_MIN:
        return {"impact": f"waiting for decisions: {DECIDED_MIN} are needed"}
    low, high = beta_binomial_interval(k, n)
    words = [f"followed {_percent(k / n)} [{_percent(low)}, {_percent(high)}] of {n:,} decisions"]
    return {"impact": "; ".join([*words, *_overridden(layout, counts, n), *_dependence(layout, recent)])}


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
