"""All metrics of the whole that its counts can tell, for people: river's from confusion cells, and what scores were worth.

Nothing is judged by them. Losses, and the areas, are of scores by bins and groups of the reference: what lies in one group counts as its mean.
"""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.estimators.confusion import ConfusionMetrics
from anchorwatch.estimators.losses import brier_losses, log_losses, mean_loss
from anchorwatch.estimators.ranking import pr_auc, roc_auc
from anchorwatch.stages import ordering, reliability

if TYPE_CHECKING:
    from anchorwatch.stages.recent import Recent

Values = dict[str, float | None]
LABELS_MIN = 30  # for any number


def metrics_of(recent: "Recent") -> Values:
    """Of the labels that matured within the shown span, by name; None: they cannot tell, as recall without a positive label.

    Empty with fewer than 30 labels, and where truth is hidden: what is visible is no fair sample. 1 ms.
    """
    if recent.layout.hidden is not None:
        return {}
    return _of_numbers(recent) if recent.layout.regression else _of_classes(recent)


def _of_numbers(recent: "Recent") -> Values:
    found = {name: qualities[0] for name in ("mae", "rmse") if (qualities := recent.qualities(error=name))}
    return {name: each.value for name, each in found.items() if each.n >= LABELS_MIN}


def _of_classes(recent: "Recent") -> Values:
    cells, side = recent.confusions(), len(recent.layout.classes)
    if cells is None or cells[0].sum() < LABELS_MIN or side < 2:
        return {}
    labels = recent.layout.contract.labels
    metrics = ConfusionMetrics(recent.layout.classes, labels.positive)
    metrics.add(cells[0][:side, :side])
    return {name: metrics.value(name) for name in metrics.names} | _of_scores(recent)


def _of_scores(recent: "Recent") -> Values:
    found: Values = {}
    if (ordered := ordering.cells_of(recent)) is not None:
        found |= {"roc_auc": roc_auc(ordered[0]), "pr_auc": pr_auc(ordered[0])}
    groups, scores = reliability.cells_of(recent), recent.layout.scores
    if groups is not None and scores is not None:
        said, came = np.repeat(scores.said, 2), np.tile([False, True], scores.groups)
        n = groups.reshape(-1)
        for name, losses in (("log_loss", log_losses(said, came)), ("brier", brier_losses(said, came))):
            found[name] = mean_loss(float((losses * n).sum()), int(n.sum()))
    return found
