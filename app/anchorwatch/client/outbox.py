"""How do events leave without anybody waiting? A bounded queue of librdkafka, a thread for its reports, and counts of what went wrong."""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from anchorwatch.errors import ConfigError

EVENTS_MAX = 100_000
QUEUE_KB_MAX = 32 * 1024
FAKE_MAX = 10_000  # events that a fake keeps
TOLD_EVERY_S = 60.0

_log = logging.getLogger("anchorwatch.client")
_outboxes: "weakref.WeakSet[Outbox]" = weakref.WeakSet()


class Post(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]]  # the producer's type; ours are all bytes


Delivered = Callable[[KafkaError | None, Message | None], None]


class Sender(Protocol):
    """Where posts go: to Kafka or, in a user's tests, into a list."""

    counts: dict[str, int]

    def post(self, post: Post, delivered: Delivered | None) -> None: ...
    def flush(self, seconds: float) -> int: ...
    def close(self, seconds: float) -> None: ...
    def fail(self, what: str) -> None: ...


class Tally:
    """Counts and complaints, from any thread."""

    def __init__(self, on_error: Callable[[str], None] | None) -> None:
        self.counts = {"sent": 0, "delivered": 0, "dropped": 0, "failed": 0}
        self._on_error = on_error
        self._lock = threading.Lock()
        self._told_at = -TOLD_EVERY_S

    def count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1

    def fail(self, what: str, name: str = "failed") -> None:
        self.count(name)
        self.tell(what)

    def tell(self, what: str) -> None:
        if self._on_error is not None:
            try:
                self._on_error(what)
            except Exception:  # a fault of the caller's callback is not the request's
                _log.exception("on_error itself failed")
        if time.monotonic() - self._told_at >= TOLD_EVERY_S:
            self._told_at = time.monotonic()
            _log.warning("%s (so far %s)", what, self.counts)


class Outbox(Tally):
    """A producer and the thread that serves its callbacks."""

    def __init__(self, settings: Mapping[str, Any], on_error: Callable[[str], None] | None) -> None:
        super().__init__(on_error)
        self._settings = dict(settings)
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._left_behind: list[Producer] = []  # a parent's: to destroy it in the child may hang
        self._connect()  # now, so that wrong settings are told at the start
        _outboxes.add(self)

    def _connect(self) -> Producer:
        with self._lock:
            if self._producer is None:
                try:
                    self._producer = Producer({**self._settings, "error_cb": self._trouble})
                except (KafkaException, TypeError, ValueError) as error:
                    raise ConfigError(f"Client(kafka=...): {reason(error)}; use librdkafka's names and values") from error
                serving = (weakref.ref(self), self._producer)
                self._thread = threading.Thread(target=_serve, args=serving, name="anchorwatch-client", daemon=True)
                self._thread.start()
            return self._producer

    def _trouble(self, error: KafkaError) -> None:
        do = f"; {PROOF}" if is_locked_out(error) else ""
        self.tell(f"Kafka at {self._settings.get('bootstrap.servers')}: {error.str()}; events wait in the queue{do}")

    def after_fork(self) -> None:
        """In the child: nothing of librdkafka's threads is here."""
        self._lock = threading.Lock()
        if self._producer is not None:
            self._left_behind.append(self._producer)
            self._producer = self._thread = None

    def post(self, post: Post, delivered: Delivered | None) -> None:
        def report(error: KafkaError | None, message: Message) -> None:
            self._report(post.topic, error)
            if delivered is not None:
                delivered(error, message)

        if self._closed:
            self.fail("the client was closed; events after that are lost", "dropped")
            return
        try:
            self._connect().produce(post.topic, value=post.value, key=post.key, headers=post.headers, on_delivery=report)
        except BufferError as error:
            if delivered is not None:
                delivered(KafkaError(KafkaError._QUEUE_FULL), None)
            full = f"the queue of {EVENTS_MAX:,} events is full"
            self.fail(f"{full}: Kafka takes them too slowly or not at all ({error}); look at the brokers", "dropped")
        else:
            self.count("sent")

    def _report(self, topic: str, error: KafkaError | None) -> None:
        if error is None:
            self.count("delivered")
        else:
            self.fail(f"an event for {topic} was not delivered: {error.str()}; see that the topic exists and may be written to")

    def flush(self, seconds: float) -> int:
        return 0 if self._producer is None else int(self._producer.flush(seconds))

    def close(self, seconds: float) -> None:
        self._closed = True
        left = self.flush(seconds)
        if left:
            self.tell(f"{left} events were not delivered in the {seconds:g} s before the end and are lost; look at the brokers")
        self._producer = None  # the thread sees it and ends
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)


def _serve(outbox: "weakref.ref[Outbox]", producer: Producer) -> None:
    """Calls back what was delivered, until its client is gone or uses another producer."""
    while (alive := outbox()) is not None and alive._producer is producer:
        del alive  # the thread alone does not keep a client alive
        producer.poll(0.2)


PROOF = "check user, password, certificates and security.protocol in `kafka=`"


def is_locked_out(error: KafkaError) -> bool:
    """A password or a certificate is refused, theirs or ours: it does not pass by waiting."""
    return error.code() == KafkaError._AUTHENTICATION or "certificate" in error.str()


def reason(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return str(found.str() if isinstance(found, KafkaError) else found)


def _after_fork() -> None:
    for outbox in _outboxes:
        outbox.after_fork()


os.register_at_fork(after_in_child=_after_fork)


class Memory(Tally):
    """Keeps the newest FAKE_MAX posts; trouble is raised, since here it is a test that makes it."""

    def __init__(self) -> None:
        super().__init__(None)
        self.posts: deque[Post] = deque(maxlen=FAKE_MAX)

    def post(self, post: Post, delivered: Delivered | None) -> None:
        self.posts.append(post)
        self.count("sent")
        self.count("delivered")
        if delivered is not None:
            delivered(None, None)

    def fail(self, what: str, name: str = "failed") -> None:
        self.count(name)
        raise AssertionError(what)

    def flush(self, seconds: float) -> int:  # noqa: ARG002 (nothing waits here)
        return 0

    def close(self, seconds: float) -> None: ...
