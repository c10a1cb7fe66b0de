"""How is the Kafka set up? For a quick start and little memory, with one or three nodes on the loopback interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

JVM = (
    "-Xms64m",
    "-Xmx512m",  # a ceiling: 155 MB are in use after the start
    "-XX:+UseSerialGC",  # 163 MB of memory instead of 177
    "-XX:TieredStopAtLevel=1",  # the quick compiler only: half the CPU at start; 0.5 M records/s, not 0.6 (ranges overlap)
    "-XX:-UsePerfData",  # no file in the system's temporary folder
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

SETTINGS = {  # Kafka's own value stands in the comment
    "auto.create.topics.enable": "false",  # true: a typing error must fail, not make a topic
    "group.initial.rebalance.delay.ms": "0",  # 3000: the first member waits for others
    "group.min.session.timeout.ms": "1000",  # 6000: tests of a lost member would take as long
    "offsets.topic.num.partitions": "4",  # 50: 46 folders more on disk
    "transaction.state.log.num.partitions": "4",  # 50: three nodes' first transaction 2.3 s, not 1.5
    "share.coordinator.state.topic.num.partitions": "1",  # 50
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",  # 10000: a dead producer blocks readers
    "broker.session.timeout.ms": "3000",  # 9000: for so long a killed node may not register again, nor lose its lead
    "broker.heartbeat.interval.ms": "500",  # 2000
    "log.cleaner.dedupe.buffer.size": "4194304",  # 128 MiB, held from the start: 298 MB of memory instead of 167
    "log.cleaner.backoff.ms": "500",  # 15000: wait between two rounds of compaction
    "log.cleaner.min.cleanable.ratio": "0.01",  # 0.5
    "log.initial.task.delay.ms": "500",  # 30000
    "log.retention.check.interval.ms": "1000",  # 300000
    "log.segment.delete.delay.ms": "1000",  # 60000
}


@dataclass(frozen=True)
class Security:
    """How clients reach the broker. Nodes talk to each other in plain text on the loopback interface: for trials and tests only."""

    protocol: str = "PLAINTEXT"
    broker: Mapping[str, str] = field(default_factory=dict)
    format: Sequence[str] = ()  # arguments of the storage tool, such as --add-scram
    client: Mapping[str, str | int] = field(default_factory=dict)  # of a user who may do everything


OPEN = Security()


class Ports(NamedTuple):
    client: int
    internal: int
    controller: int


def node_settings(node: int, ports: Sequence[Ports], folder: Path, security: Security) -> dict[str, str]:
    """server.properties of one node, counted from 0, of as many as there are ports."""
    own, copies = ports[node], str(len(ports))
    in_sync = "2" if len(ports) > 2 else "1"
    listeners = {"CLIENT": own.client, "INTERNAL": own.internal, "CONTROLLER": own.controller}
    addresses = {name: f"{name}://127.0.0.1:{port}" for name, port in listeners.items()}
    return SETTINGS | {
        "node.id": str(node + 1),
        "process.roles": "broker,controller",
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p.controller}" for n, p in enumerate(ports, 1)),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listeners": ",".join(addresses.values()),
        "advertised.listeners": f"{addresses['CLIENT']},{addresses['INTERNAL']}",
        "listener.security.protocol.map": f"CLIENT:{security.protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        **security.broker,
    }
