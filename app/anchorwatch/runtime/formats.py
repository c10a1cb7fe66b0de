"""What the ingest stage is given to read with: decoders of our own events by role, and translators of foreign topics."""

from collections.abc import Mapping, Sequence
from functools import partial

from anchorwatch.events import Role, Row
from anchorwatch.sources import foreign
from anchorwatch.sources.base import Shape, dead_letter
from anchorwatch.sources.foreign.wire import Schemas
from anchorwatch.sources.native import ROLES, as_map
from anchorwatch.stages._formats import Decoder, Formats


def make(role: Role, shapes: Sequence[tuple[str, Mapping[str, str]]], only: str | None) -> Decoder:
    """A decoder of one role for these models; `only`: the model that a record without one belongs to."""
    decoder: Decoder = ROLES[role]([Shape(model, dict(features)) for model, features in shapes], only)
    return decoder


def native(*, verbatim: bool = True, schemas: Schemas | None = None) -> Formats:
    """verbatim=False: dead letters keep key, place and reason, but no value. schemas: of a registry, for records that name one."""

    def letter(row: Row, topic: str, partition: int, refused: object, topic_out: str) -> object:
        return dead_letter(row, topic, partition, refused, topic_out, verbatim=verbatim)  # type: ignore[arg-type]

    return Formats(partial(foreign.of_contracts, schemas=schemas), make, as_map, letter)  # type: ignore[arg-type]
