"""Under which key does a record belong, and of what time is it? For topics that are not keyed by the prediction's id."""

from collections.abc import Sequence

from anchorwatch.contract import Contract
from anchorwatch.errors import EventRejected
from anchorwatch.events import Role, Row, Rows
from anchorwatch.sources.foreign import Translator, headers_of, is_heartbeat, of_contracts
from anchorwatch.sources.foreign.wire import Schemas
from anchorwatch.sources.native import ROLES
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.stages.rekey import Way

BATCHED = frozenset(("kserve", "oip", "sagemaker"))  # one event may hold several instances: all of them, and their outcomes, go by its id


def event_of(name: str, *, batched: bool) -> str:
    """By which id a prediction and its outcome are keyed.

    >>> event_of("e-1#0", batched=True), event_of("e-1#0", batched=False), event_of("e#x", batched=True)
    ('e-1', 'e-1#0', 'e#x')
    """
    head, mark, number = name.rpartition("#")
    return head if batched and mark and number.isdigit() else name


class Router:
    """Pure, and without memory."""

    def __init__(self, role: Role, contracts: Sequence[Contract], schemas: Schemas | None = None) -> None:
        self.translator: Translator | None = of_contracts(role, contracts, schemas)
        models = {contract.model for contract in contracts}
        self.decoder = ROLES[role]((), models.pop() if len(models) == 1 else None)
        self.batched = any(contract.source.predictions.format in BATCHED for contract in contracts)

    def ways(self, rows: Sequence[Row]) -> list[Way]:
        """One for each row. Never raises, whatever the bytes."""
        if self.translator is not None and self.translator.format.half:
            return [self._half(self.translator, row) for row in rows]
        opened = self.translator.open(rows) if self.translator else None
        decoded = self.decoder.decode(Rows.of(rows if opened is None else opened.rows))
        found = [Way(None, -1)] * len(rows)
        places = range(len(decoded.records)) if decoded.rows is None else decoded.rows
        for record, at_ms, place in zip(decoded.records, decoded.at_ms.tolist(), places, strict=True):
            i = place if opened is None else opened.origin[place]
            found[i] = Way(self._key(record.prediction_id), max(at_ms, found[i].at_ms))
        if decoded.heartbeat_ms >= 0:
            found = [
                self._beat(row) if way.key is None and is_heartbeat(row[1] or b"") else way for row, way in zip(rows, found, strict=True)
            ]
        return found

    def _key(self, name: str) -> bytes:
        return event_of(name, batched=self.batched).encode()

    def _half(self, translator: Translator, row: Row) -> Way:
        value = row[1]
        if value is not None and is_heartbeat(value):
            return self._beat(row)
        assert translator.format.half, "asked of formats in halves alone"
        try:
            half = translator.format.half(value or b"", headers_of(row), Remarks())
        except EventRejected:
            return Way(None, -1)
        return Way(half.id.encode(errors="replace"), row[3] if half.at_ns is None else half.at_ns // 1_000_000)

    def _beat(self, row: Row) -> Way:
        return Way(None, self.decoder.decode(Rows.of([row])).heartbeat_ms, passes=False)
