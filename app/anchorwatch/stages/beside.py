"""What else happens on a model's own topics: events of its siblings, counted per window into its block, so judge sees both on one clock."""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.stages.windows import numbered
from anchorwatch.watches.siblings import SIBLINGS

if TYPE_CHECKING:
    from anchorwatch.stages.ingest import Ingest
    from anchorwatch.stages.intake import Batch


class Listening:
    """Which models have siblings on which topic; found anew when a contract changes, so a topic nobody names costs a look-up a batch."""

    def __init__(self) -> None:
        self.changes = -1
        self.by_topic: dict[str, list[str]] = {}

    def count(self, ingest: "Ingest", batch: "Batch") -> None:
        """All records of a batch, of whatever model; what came after its window was closed is left out, as all else is."""
        if self.changes != ingest.registry.changes:
            self._find(ingest)
        keys = self.by_topic.get(batch.topic)
        if not keys:
            return
        names = np.array([f"{record.environment}/{record.model}" for record in batch.records])
        predicted = ingest.settings.roles[batch.topic] == "predictions"
        for key in keys:
            theirs = (batch.at >= ingest.closed_ms) & ((names != key) if predicted else True)
            windows, place = numbered(batch.at[theirs] // ingest.settings.window_ms)
            for window, n in zip(windows.tolist(), np.bincount(place).tolist(), strict=True):
                version = ingest.registry.at(key, window * ingest.settings.window_ms)
                if version is not None and SIBLINGS.key in version.layout.counts:
                    model = ingest.model(key)
                    open_window = model.into(model.layout_number(version.layout))(window)
                    open_window.add(SIBLINGS.key, np.zeros(1, np.int64), np.array([[n]], np.int64))

    def _find(self, ingest: "Ingest") -> None:
        mine, self.changes, self.by_topic = ingest.settings.models, ingest.registry.changes, {}
        for version in ingest.registry.latest():
            contract = version.contract
            if mine is None or contract.key in mine:
                for topic in contract.promises.alive.siblings:
                    self.by_topic.setdefault(topic, []).append(contract.key)
