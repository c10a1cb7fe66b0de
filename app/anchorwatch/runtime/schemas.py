"""The schema registry: what its ids mean, asked once each. Extra `avro`: fastavro and the registry's own client.

Kafka's thread shows rows to `look` before they are handed on; ids that are not known are fetched in a thread, and meanwhile `held` holds the
batches back: nothing is refused because a registry restarts. After PATIENCE rows go on, and what names such an id becomes a dead letter, until
the registry answers. An id that it does not know is asked for again a minute later.
"""

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from anchorwatch.errors import ConfigError, EventRejected, Unreachable
from anchorwatch.events import Row
from anchorwatch.sources.foreign import headers_of
from anchorwatch.sources.foreign.documents import object_of
from anchorwatch.sources.foreign.wire import Ref, Wire, document_of, plain, refused, wire_of
from anchorwatch.sources.native.careful import Remarks

log = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds that a registry may be away before records are set aside
BRIEF = 15.0  # the same for a command that somebody waits for
AGAIN = 2.0  # between two attempts
UNKNOWN_FOR = 60.0  # seconds an id that the registry does not know is not asked for again
SCHEMAS_MAX = 10_000  # ids remembered; above: nothing is fetched any more, each is refused
TIMEOUT = 5.0  # of one request, unless `registry.timeout` says otherwise


class Fetched(NamedTuple):
    """One schema, ready to read with."""

    read: Callable[[bytes], Any]


class Unknown(Exception):
    """The registry answers, and has no such schema, or one that nobody here can read."""


Fetch = Callable[[Ref], Fetched]  # raises Unknown; anything else: the registry does not answer


class Registry:
    """Is the translators' `Schemas`, and the reader's gate."""

    def __init__(self, fetch: Fetch, patience: float = PATIENCE) -> None:
        self.fetch, self.patience = fetch, patience
        self.known: dict[Ref, Fetched] = {}
        self.unknown: dict[Ref, tuple[float, str]] = {}  # id -> when it was asked for, why it cannot be used
        self.asked: dict[Ref, float] = {}  # under way, or waiting for the registry -> since when
        self.trouble = ""  # why it does not answer, "" when it does
        self._pool = ThreadPoolExecutor(2, "schemas")
        self._stopped = threading.Event()

    def look(self, rows: Iterable[Row]) -> None:
        """Ids that nobody knows yet are asked for."""
        for ref in {wire.schema for row in rows if (wire := wire_of(row[1] or b"", headers_of(row)))}:
            if ref in self.known or ref in self.asked:
                continue
            told = self.unknown.get(ref)
            if told and time.monotonic() - told[0] < UNKNOWN_FOR:
                continue
            if len(self.known) + len(self.unknown) + len(self.asked) < SCHEMAS_MAX:
                self.asked[ref] = time.monotonic()
                self._pool.submit(self._ask, ref)

    def held(self) -> bool:
        """Is it worth waiting?"""
        now = time.monotonic()
        return any(now - since < self.patience for since in list(self.asked.values()))

    def settle(self, rows: Iterable[Row]) -> None:
        """As `look`, and waits: for programs that have the time."""
        self.look(rows)
        while self.held():
            time.sleep(0.02)

    def insist(self, rows: Iterable[Row]) -> None:
        """As `settle`; raises Unreachable where nothing came of the waiting."""
        self.settle(rows)
        if self.asked:
            why = self.trouble or "no answer yet"
            raise Unreachable(f"the schema registry does not answer ({why}); is registry.url right, and is it up?")

    def read(self, wire: Wire) -> Any:
        found = self.known.get(wire.schema)
        if found is not None:
            return document_of(wire, found.read)
        if wire.schema in self.unknown:
            raise refused(f"schema id {wire.schema}: {self.unknown[wire.schema][1]}", "register the schema where registry.url points to")
        why = self.trouble or "it was not asked for"
        raise refused(
            f"schema id {wire.schema} is not known yet: the registry does not answer ({why})",
            "see to it: what comes once it answers is read",
        )

    def close(self) -> None:
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, ref: Ref) -> None:
        """In a thread of the pool, until there is an answer."""
        told = -1e9
        while not self._stopped.is_set():
            try:
                self.known[ref] = self.fetch(ref)
                self.unknown.pop(ref, None)
            except Unknown as error:
                self.unknown[ref] = (time.monotonic(), str(error))
                log.warning("schema.unknown id=%s reason=%s", ref, error)
            except Exception as error:  # the client of the registry raises whatever its transport does
                self.trouble = f"{type(error).__name__}: {error}"[:200]
                if time.monotonic() - told > 30:
                    told = time.monotonic()
                    log.warning("registry.waiting id=%s reason=%s", ref, self.trouble)
                self._stopped.wait(AGAIN)
                continue
            self.trouble = ""
            self.asked.pop(ref, None)
            return


@contextmanager
def opened(settings: Mapping[str, str], patience: float | None = None) -> Iterator[Registry | None]:
    """`of_settings` for a command: it waits for a registry that is away as long as a person does (BRIEF), and leaves nothing running."""
    found = of_settings(settings, BRIEF if patience is None else patience)
    try:
        yield found
    finally:
        if found:
            found.close()


def of_settings(settings: Mapping[str, str], patience: float = PATIENCE) -> Registry | None:
    """None: no registry is set. Raises ConfigError: a setting that its client refuses, or the extra is not installed."""
    if not settings.get("url"):
        return None
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient
    except ImportError as error:
        raise ConfigError(f"registry: needs the extra avro ({error.name} is missing): pip install 'anchorwatch[avro]'") from error
    try:
        client = SchemaRegistryClient.new_client({"timeout": TIMEOUT, "max.retries": 0, **settings})
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ConfigError(f"registry: {error}; names and values are those of confluent_kafka's SchemaRegistryClient") from error
    return Registry(lambda ref: fetched(client, ref), patience)


def fetched(client: Any, ref: Ref) -> Fetched:
    """One schema with all that it refers to. Raises Unknown, or what the client raises."""
    from confluent_kafka.schema_registry import SchemaRegistryError

    try:
        schema = client.get_schema(ref) if isinstance(ref, int) else client.get_schema_by_guid(ref)
        kind = schema.schema_type or "AVRO"
        if kind == "AVRO":
            return Fetched(_avro(client, schema))
    except SchemaRegistryError as error:
        if error.http_status_code == 404:
            raise Unknown("the registry does not know it") from error
        raise
    if kind == "JSON":
        return Fetched(_json)
    raise Unknown(f"it is of type {kind}, which this version does not read: AVRO and JSON are")


def _json(payload: bytes) -> Any:
    return object_of(payload, Remarks())


def _avro(client: Any, schema: Any) -> Callable[[bytes], Any]:
    import fastavro
    from fastavro.schema import SchemaParseException, UnknownType

    try:
        compiled = fastavro.parse_schema(_loaded(schema), _named(client, schema))
    except (SchemaParseException, UnknownType, ValueError, KeyError, TypeError) as error:
        raise Unknown(f"it is no Avro schema that can be read: {type(error).__name__} {error}") from error
    exact = any(word in schema.schema_str for word in ('"bytes"', '"fixed"'))

    def read(payload: bytes) -> Any:
        stream = io.BytesIO(payload)
        found = fastavro.schemaless_reader(stream, compiled, None)
        if stream.tell() < len(payload):
            raise EventRejected(
                f"{len(payload) - stream.tell()} bytes are left over behind the record", kind="schema", fix="one record a message"
            )
        return plain(found) if exact else found

    return read


def _named(client: Any, schema: Any) -> dict[str, Any]:
    """Schemas that it refers to, by their names, compiled in order."""
    import fastavro

    named: dict[str, Any] = {}
    for reference in schema.references or ():
        other = client.get_version(reference.subject, reference.version).schema
        named.update(_named(client, other))
        fastavro.parse_schema(_loaded(other), named)
    return named


def _loaded(schema: Any) -> Any:
    return json.loads(schema.schema_str)
