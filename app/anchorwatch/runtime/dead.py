"""Dead letters: what was refused and why, and the way back to the topic that it came from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import confluent_kafka as ck

from anchorwatch.config import Settings
from anchorwatch.engine.lookup import Headers, Place, headers_at
from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import WRITING, producer
from anchorwatch.engine.tail import Told
from anchorwatch.errors import ConfigError, Unreachable

PREFIX, OURS = "__streams.errors.", "anchorwatch.errors."
LETTERS_MAX = 1_000_000  # looked at in one go; above: --since
RETRIED = "anchorwatch.retried.from"  # header of a record that was sent again: <topic>-<partition>@<offset>, where it stood first


class Letter(NamedTuple):
    """`partition`, `offset`: of the dead letter; `origin`: topic, partition, offset that it came from, None when it does not say."""

    partition: int
    offset: int
    time_ms: int
    kind: str
    path: str
    reason: str
    fix: str
    origin: tuple[str, int, int] | None
    key: bytes | None
    value: bytes | None
    whole: bool  # the value is there as it came

    @property
    def place(self) -> str:
        return f"{self.partition}@{self.offset}"


@dataclass
class Reason:
    """Letters that were refused for the same."""

    topic: str
    kind: str
    path: str
    reason: str
    fix: str
    n: int = 0
    newest: Letter | None = None
    retriable: int = 0


def letters(found: Iterable[Told]) -> Iterator[Letter]:
    """Also of records that somebody else wrote there: then without an origin. Raises ConfigError when they are too many."""
    for n, told in enumerate(found):
        if n >= LETTERS_MAX:
            raise ConfigError(f"more than {LETTERS_MAX:,} dead letters; name a --since")
        yield letter(told)


def letter(told: Told) -> Letter:
    header = {name: (value or b"").decode(errors="replace") for name, value in told.headers}
    message = header.get(f"{PREFIX}message", "it does not say why")
    path, fix = header.get(f"{OURS}path", "$"), header.get(f"{OURS}fix", "")
    reason = message.removeprefix(f"{path}: ").removesuffix(f"; {fix}") if fix else message.removeprefix(f"{path}: ")
    whole = told.value is not None and f"{OURS}value_bytes" not in header
    return Letter(
        told.partition, told.offset, told.time_ms, header.get(f"{OURS}kind", "unknown"), path, reason, fix, _origin(header), told.key,
        told.value, whole,
    )  # fmt: skip


def _origin(header: dict[str, str]) -> tuple[str, int, int] | None:
    try:
        return header[f"{PREFIX}topic"], int(header[f"{PREFIX}partition"]), int(header[f"{PREFIX}offset"])
    except (KeyError, ValueError):
        return None


def reasons(found: Iterable[Letter]) -> list[Reason]:
    """The most frequent first."""
    known: dict[tuple[str, str, str, str], Reason] = {}
    for each in found:
        key = (each.origin[0] if each.origin else "", each.kind, each.path, _alike(each.reason))
        reason = known.get(key)
        if reason is None:
            reason = known[key] = Reason(key[0], each.kind, each.path, each.reason, each.fix)
        reason.n += 1
        reason.retriable += each.whole and each.origin is not None
        if reason.newest is None or each.time_ms >= reason.newest.time_ms:
            reason.newest = each
    return sorted(known.values(), key=lambda reason: -reason.n)


def _alike(reason: str) -> str:
    """Without the value that was met: `expected 0..1, got 87` and `..., got 88` are one."""
    return reason.partition(", got ")[0]


def chosen(found: Iterable[Letter], places: Sequence[str], topic: str, kind: str, path: str) -> list[Letter]:
    """ "": all. Raises ConfigError for a place that holds no letter."""
    wanted = [
        each
        for each in found
        if (not places or each.place in places)
        and (not topic or (each.origin is not None and each.origin[0] == topic))
        and kind in ("", each.kind)
        and path in ("", each.path)
    ]
    if missing := set(places) - {each.place for each in wanted}:
        raise ConfigError(f"no such dead letter: {', '.join(sorted(missing))}; `anchorwatch dead ls` shows <partition>@<offset> of each")
    return wanted


def again(place: Place, headers: Headers | None) -> list[tuple[str, str | bytes | None]]:
    """The headers of a record that is sent again: those it came with, and where it stood first, also when it was sent again before.

    headers: of the record at its place, None: Kafka does not hold it any more. Of a name given twice the last counts, as everywhere.
    """
    kept: dict[str, str | bytes | None] = dict(headers or ())
    kept.setdefault(RETRIED, f"{place[0]}-{place[1]}@{place[2]}".encode())
    return list(kept.items())


def first_place(settings: Settings, found: Letter) -> str:
    """Of a record that had been sent again when it was refused: where it stood at first; "" of any other. Raises Unreachable, ConfigError."""
    if found.origin is None:
        return ""
    headers = dict(headers_at(settings.kafka, [found.origin]).get(found.origin, ()))
    return (headers.get(RETRIED) or b"").decode(errors="replace")


def retry(settings: Settings, found: Sequence[Letter]) -> int:
    """Each once more to the partition that it came from, in its order, with its headers, all or none.

    -> of how many Kafka did not hold the original any more, so that they went without its headers. Raises Unreachable, ConfigError.
    """
    there = headers_at(settings.kafka, [each.origin for each in found if each.origin])
    name = f"{settings.topics.prefix}retry"
    client = producer(settings.kafka, WRITING, {"transactional.id": name})
    refused: list[tuple[ck.KafkaError, str]] = []

    def delivered(error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None and error.code() in REFUSED_ACCESS:
            refused.append((error, str(message.topic())))

    try:
        client.init_transactions(30)
        client.begin_transaction()
        for each in sorted(found, key=lambda letter: letter.origin or ("", 0, 0)):
            assert each.origin, "letters without an origin are left out before"
            topic, partition, _ = each.origin
            headers = again(each.origin, there.get(each.origin))
            client.produce(topic, each.value, each.key, partition, on_delivery=delivered, headers=headers)
            client.poll(0)
        client.commit_transaction(60)
    except ck.KafkaException as error:
        if refused:
            raise client.reasons.refused(refused[0][0], Right("Write", "topic", refused[0][1])) from error
        if error.args[0].code() in REFUSED_ACCESS:
            raise client.reasons.refused(error.args[0], Right("Write", "transactional-id", name)) from error
        raise Unreachable(f"Kafka did not take them: {error.args[0].str()}; none was sent again") from error
    return len({each.origin for each in found} - there.keys())
