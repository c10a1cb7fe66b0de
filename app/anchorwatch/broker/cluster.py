"""A real Apache Kafka of one or several nodes, up when the `with` begins and gone when it ends."""

import os
import re
import shutil
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from anchorwatch.broker.failures import DataRefused, NodeFailed, PortTaken
from anchorwatch.broker.jars import find_jars
from anchorwatch.broker.java import find_java
from anchorwatch.broker.node import Guard, Node
from anchorwatch.broker.ports import FIRST, Claims
from anchorwatch.broker.settings import JVM, OPEN, Ports, Security, node_settings

STARTS_MAX = 3  # a port may be taken by a stranger between look and bind; above: PortTaken
FORMAT_S_MAX = 60.0
NEXT_STEPS = {  # what Kafka's log says -> what a person does
    "No space left on device": "Free some disk space, or name a folder on another disk: TMPDIR, or --data.",
    "Failed to acquire lock on file": "Another Kafka works on these data: stop it, or choose another folder.",
    "Cannot allocate memory": "Free some memory: a node wants 0.2 to 0.7 GB.",
    "insufficient memory": "Free some memory: a node wants 0.2 to 0.7 GB.",
}


class Broker:
    """`bootstrap` and `client` tell how to reach it; `nodes[i].kill()`, `.stop()`, `.start()` are for tests of losses.

    port:      the first node's client port and those above it for more nodes, exactly; None: any free ones from `first_port`.
    data:      a folder of its own whose data outlive the broker; None: a temporary one that goes with it, also when we are killed.
    security:  of the listener for clients. settings: Kafka's, over ours.
    Raises:    JavaMissing, JarsMissing, PortTaken, DataRefused, NodeFailed.
    Cost:      3 s and 155 MB a start, three nodes 7 s and 450 MB; 6 s and 44 MB of download the first time; 10 MB for the guard.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        port: int | None = None,
        first_port: int = FIRST,
        data: Path | None = None,
        security: Security = OPEN,
        settings: Mapping[str, str] | None = None,
        start_s_max: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.nodes: list[Node] = []
        self.bootstrap = ""
        self.data = data.absolute() if data else None
        self._count = nodes
        self._port = port
        self._security = security
        self._settings = dict(settings or {})
        self._start_s_max = start_s_max
        self._say = say
        self._claims = Claims(first_port)
        self._folder: Path | None = None
        self._guard: Guard | None = None

    @property
    def client(self) -> dict[str, str | int]:
        """Settings in librdkafka's names, of a user who may do everything."""
        return {"bootstrap.servers": self.bootstrap, **self._security.client}

    def __enter__(self) -> Self:
        java = [str(find_java()), *JVM, "-cp", os.pathsep.join(map(str, find_jars(self._say)))]
        for left in reversed(range(STARTS_MAX)):
            try:
                self._start(java)
                return self
            except PortTaken:
                self.stop()
                if not left:
                    raise
            except BaseException:
                self.stop()
                raise
        raise AssertionError("the last try returns or raises")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kept data: in order, 0.3 s, three nodes 6 s. Else by SIGKILL, 0.05 s. The ports are free afterwards."""
        if self._guard:
            self._guard.end()
        if self._folder and not self.data:
            shutil.rmtree(self._folder, ignore_errors=True)  # for a guard that was killed
        self._claims.release()
        self._guard = None

    def wait_until_ready(self) -> None:
        """Every node knows all others, a topic with a copy on each could be made, and groups have a coordinator."""
        deadline = time.monotonic() + self._start_s_max
        for node in self.nodes:
            self._wait_for(node, deadline)

    def check(self) -> None:
        """To be called now and then by who runs it for long: bounds the logs; raises NodeFailed when no node is left."""
        for node in self.nodes:
            node.bound_log()
        if not any(node.is_running for node in self.nodes):
            raise self._failure(self.nodes[0])

    def _start(self, java: list[str]) -> None:
        ports = self._choose_ports()
        self._folder = self.data or Path(tempfile.mkdtemp(prefix="anchorwatch-kafka-"))
        cluster = cluster_of(self._folder, self._count)
        self._guard = Guard(self._folder, remove=not self.data)
        self.bootstrap = ",".join(f"127.0.0.1:{port.client}" for port in ports)
        self.nodes = []
        for number, port in enumerate(ports):
            folder = self._folder / f"node{number + 1}"
            known = node_settings(number, ports, folder, self._security) | self._settings
            self.nodes.append(Node(folder, port.client, java, known, self._guard))
        self._format(cluster)
        for node in self.nodes:
            node.start()
        self.wait_until_ready()

    def _choose_ports(self) -> list[Ports]:
        take = self._claims
        wanted = [None if self._port is None else self._port + n for n in range(self._count)]
        clients = [take.next() if port is None else take.exactly(port) for port in wanted]
        return [Ports(port, take.next(), take.next()) for port in clients]

    def _format(self, cluster: str) -> None:
        new = [node for node in self.nodes if not (node.folder / "data" / "meta.properties").exists()]
        for node in new:
            node.begin_format(cluster, self._security.format)
        deadline = time.monotonic() + FORMAT_S_MAX
        while [node for node in new if not node.is_formatted()]:
            if time.monotonic() > deadline:
                raise NodeFailed(f"Kafka's storage was not prepared within {FORMAT_S_MAX:g} s. Is the machine overloaded?")
            time.sleep(0.02)

    def _wait_for(self, node: Node, deadline: float) -> None:
        reasons: deque[object] = deque(maxlen=20)  # a refused password is told to error_cb only, and that by poll
        address = f"127.0.0.1:{node.port}"
        settings: dict[str, Any] = self.client | {
            "bootstrap.servers": address,
            "error_cb": reasons.append,
            "log_level": 0,
            "reconnect.backoff.max.ms": 200,
        }
        # `with`: an AdminClient that was used lives on until the garbage collector finds its cycle
        with AdminClient(settings) as admin, Consumer(settings | {"group.id": "ready"}) as consumer:
            while time.monotonic() < deadline:
                if ended := next((one for one in self.nodes if not one.is_running), None):
                    raise self._failure(ended)
                try:
                    return probe(admin, consumer, len(self.nodes))
                except (KafkaException, NotYet) as error:
                    reasons.append(error)
                    admin.poll(0.05)
        why = "\n".join(dict.fromkeys(map(str, reasons)))
        raise NodeFailed(
            f"Kafka at {address} is not ready after {self._start_s_max:g} s. Is the machine overloaded?\n{why}\n"
            f"The log of {node.name} says:\n{node.last_lines()}"
        )

    def _failure(self, node: Node) -> PortTaken | NodeFailed:
        lines = node.last_lines()
        if "Address already in use" in lines:
            found = re.search(r"127\.0\.0\.1:(\d+)", lines)
            which = f"Port {found[1]}" if found else "A port"
            return PortTaken(f"{which} of {node.name} was taken by another program while Kafka started. Start it again.")
        step = next((step for said, step in NEXT_STEPS.items() if said in lines), "Is a setting refused? Correct it and start again.")
        return NodeFailed(f"{node.name} of Kafka has ended. {step} Its log says:\n{lines or '(nothing: it was killed)'}")


class NotYet(Exception):
    """A node answers, but does not know all the others."""


def probe(admin: AdminClient, consumer: Consumer, nodes: int) -> None:
    """Raises until a topic with a copy on each node could be made (none is), and groups have a coordinator."""
    known = len(admin.list_topics(timeout=2).brokers)
    if known < nodes:
        raise NotYet(f"{known} of {nodes} nodes are registered")
    topic = NewTopic("ready", num_partitions=1, replication_factor=nodes)
    admin.create_topics([topic], validate_only=True, request_timeout=2)["ready"].result()
    # Makes __consumer_offsets: else the first group waits 1 to 3 s for it. By a consumer, since librdkafka ends the process when the
    # connection breaks while an AdminClient asks a coordinator (librdkafka issue 4605: 2 of 2 kills of a node here).
    consumer.committed([TopicPartition("ready", 0)], timeout=2)


def cluster_of(folder: Path, nodes: int) -> str:
    """The cluster's id, made once for a folder. Raises DataRefused for a folder that is not ours, or of another size."""
    known = folder / "cluster-id"
    if known.is_file():
        if (kept := len(list(folder.glob("node*")))) not in {0, nodes}:
            raise DataRefused(f"{folder} holds the data of {kept} nodes, not {nodes}. Use --nodes {kept}, or another folder.")
        return known.read_text("utf-8").strip()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataRefused(f"{folder} is not empty and holds no broker's data. Name a new or an empty folder.")
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        known.write_text(cluster + "\n", "utf-8")
    except OSError as error:
        raise DataRefused(f"Cannot keep data in {folder}: {error}. Name a folder that you may write to.") from error
    return cluster
