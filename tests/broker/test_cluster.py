"""Records, transactions, kill -9, kept data, a killed parent, taken ports: all on a real Kafka."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import anchorwatch
from anchorwatch.broker import Broker, DataRefused, NodeFailed, PortTaken, Security
from anchorwatch.broker.cluster import cluster_of

pytestmark = pytest.mark.kafka
FIRST_PORT = 28100
ROOT = Path(anchorwatch.__file__).parents[1]


def alive(pid: int | None) -> bool:
    """False for a process that ended and was not waited for, too."""
    try:
        return pid is not None and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_record_is_written_and_read(kafka: Any, topic_prefix: str, talk: Any) -> None:
    client = talk(kafka.client)
    client.make(topic_prefix + "hello")

    client.write(topic_prefix + "hello", "world")

    assert client.read(topic_prefix + "hello", 1) == ["world"]


def test_what_a_transaction_wrote_is_read_when_it_is_committed_and_never_when_aborted(kafka: Any, topic_prefix: str, talk: Any) -> None:
    client, topic = talk(kafka.client), topic_prefix + "bank"
    client.make(topic)
    with Producer({**client.client, "transactional.id": topic}) as producer:
        producer.init_transactions(60)
        for value, ends in (("aborted", producer.abort_transaction), ("committed", producer.commit_transaction)):
            producer.begin_transaction()
            producer.produce(topic, value)
            producer.flush(60)
            ends(60)

    assert client.read(topic, 1) == ["committed"]


def test_a_misspelt_topic_fails_and_is_not_made(kafka: Any, topic_prefix: str, talk: Any) -> None:
    with AdminClient(talk(kafka.client).client) as admin:
        asked_for = admin.list_topics(topic_prefix + "tpyo", timeout=30).topics[topic_prefix + "tpyo"]
        assert asked_for.error
        assert topic_prefix + "tpyo" not in admin.list_topics(timeout=30).topics


def test_records_survive_kill_9_of_the_node_and_a_new_start(start: Callable[..., Broker], talk: Any) -> None:
    broker = start()
    client = talk(broker.client)
    client.make("kept")
    client.write("kept", "before")

    broker.nodes[0].kill()
    assert not broker.nodes[0].is_running
    broker.nodes[0].start()
    broker.wait_until_ready()
    client.write("kept", "after")

    assert client.read("kept", 2) == ["before", "after"]


def test_a_compacted_topic_is_compacted_within_seconds(kafka: Any, topic_prefix: str, talk: Any, until: Any) -> None:
    """The cleaner leaves the newest segment alone, so a last record must open a new one."""
    client, topic = talk(kafka.client), topic_prefix + "state"
    client.make(topic, cleanup_policy="compact", segment_ms="100")
    client.write(topic, *[f"{n}" for n in range(100)])

    def compacted() -> bool:
        client.write(topic, "tick")
        with Consumer({**client.client, "group.id": topic}) as consumer:
            consumer.assign([TopicPartition(topic, 0, 0)])
            return (consumer.consume(1, timeout=30)[0].offset() or 0) > 0

    assert until(compacted)


def test_kept_data_are_there_for_the_next_broker_on_other_ports(talk: Any, tmp_path: Path) -> None:
    with Broker(first_port=FIRST_PORT, data=tmp_path / "data") as broker:
        talk(broker.client).make("kept")
        talk(broker.client).write("kept", "of yesterday")
        first = broker.bootstrap

    with Broker(first_port=FIRST_PORT + 20, data=tmp_path / "data") as broker:
        assert broker.bootstrap != first
        assert talk(broker.client).read("kept", 1) == ["of yesterday"]


PARENT = """
import sys, time
from anchorwatch.broker import Broker
with Broker(first_port=28100, start_s_max=120) as broker:
    print(broker.nodes[0].port, broker.nodes[0].pid, broker.nodes[0].folder.parent, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def parent() -> Any:
    """A program that runs a broker; what it printed, split."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yield process, process.stdout.readline().split()
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_killed_parent_leaves_no_java_and_no_folder(parent: Any, until: Any) -> None:
    process, (port, pid, folder) = parent
    assert answers(int(port))
    assert Path(folder).exists()

    process.send_signal(signal.SIGKILL)

    assert until(lambda: not answers(int(port)) and not alive(int(pid)) and not Path(folder).exists(), seconds=30)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux'")
def test_a_killed_guard_takes_its_java_along_and_the_folder_goes_at_the_end(start: Callable[..., Broker], until: Any) -> None:
    broker = start()
    pid, folder = broker.nodes[0].pid, broker.nodes[0].folder.parent
    assert pid
    guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(guard, signal.SIGKILL)

    assert until(lambda: not alive(pid), seconds=30)
    assert not broker.nodes[0].is_running
    broker.stop()
    assert not folder.exists()


def test_a_taken_port_is_named_with_one_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 28119)), pytest.raises(PortTaken, match=r"Port 28119 .* is taken .* say --port 281\d\d"):
        Broker(port=28119).__enter__()


@pytest.mark.slow
def test_a_port_that_a_stranger_takes_meanwhile_costs_another_try(until: Any) -> None:
    """Bound but not listening, the stranger is not seen; it listens as soon as the port is chosen, a second before Java binds."""
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", FIRST_PORT))
        broker = Broker(first_port=FIRST_PORT)

        def listen_when_chosen() -> None:
            until(lambda: broker.bootstrap != "")
            stranger.listen()

        listening = threading.Thread(target=listen_when_chosen)
        listening.start()
        with broker:
            listening.join()

            assert str(FIRST_PORT) not in broker.bootstrap


def test_a_setting_that_kafka_refuses_is_shown(start: Callable[..., Broker]) -> None:
    with pytest.raises(NodeFailed, match=r"num.partitions"):
        start(settings={"num.partitions": "none"})


@pytest.mark.slow
def test_a_password_is_asked_for(start: Callable[..., Broker], talk: Any) -> None:
    jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    own = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "admin", "sasl.password": "secret"}
    settings = {"sasl.enabled.mechanisms": "PLAIN", "listener.name.client.plain.sasl.jaas.config": f'{jaas} user_admin="secret";'}
    broker = start(security=Security("SASL_PLAINTEXT", broker=settings, client=own))
    talk(broker.client).make("t")

    with AdminClient({**talk(broker.client).client, "sasl.password": "guessed"}) as admin, pytest.raises(KafkaException):
        admin.list_topics(timeout=2)


@pytest.mark.slow
def test_two_of_three_nodes_go_on_when_one_is_killed(start: Callable[..., Broker], talk: Any) -> None:
    """3 s pass until the killed node is called lost: broker.session.timeout.ms."""
    broker = start(nodes=3)
    client = talk(broker.client)
    client.make("spread", copies=3)
    client.write("spread", "all three")

    broker.nodes[0].kill()
    client.write("spread", "two")
    broker.nodes[0].start()
    broker.wait_until_ready()

    assert client.read("spread", 2) == ["all three", "two"]


@pytest.mark.slow
def test_two_brokers_started_at_once_do_not_choose_the_same_ports() -> None:
    found: list[str] = []

    def run() -> None:
        with Broker(first_port=FIRST_PORT, start_s_max=120) as broker:
            both.wait(120)
            found.append(broker.bootstrap)

    both = threading.Barrier(2)
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 2


def test_a_folder_that_is_no_brokers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(DataRefused, match="is not empty and holds no broker's data"):
        cluster_of(tmp_path, 1)


def test_a_folder_of_three_nodes_is_refused_for_one(tmp_path: Path) -> None:
    first = cluster_of(tmp_path, 3)
    for node in range(3):
        (tmp_path / f"node{node + 1}").mkdir()

    assert cluster_of(tmp_path, 3) == first
    with pytest.raises(DataRefused, match=r"holds the data of 3 nodes, not 1\. Use --nodes 3"):
        cluster_of(tmp_path, 1)
