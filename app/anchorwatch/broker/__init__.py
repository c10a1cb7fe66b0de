"""A real Apache Kafka 4 on this machine, for the demo, the tests and one's own trials; nothing to install beside the package.

    with Broker(nodes=3) as broker:
        producer = Producer(broker.client)

It needs a Java >= 17 (java.py) and Kafka's jars (jars.py), and ends with its parent, however that ends (guard.py).
`daemon.py` is the same broker for a shell: `anchorwatch broker start`.
"""

from anchorwatch.broker.cluster import Broker
from anchorwatch.broker.failures import AlreadyRuns, BrokerError, DataRefused, JarsMissing, JavaMissing, NodeFailed, PortTaken
from anchorwatch.broker.settings import OPEN, Security

__all__ = [
    "OPEN",
    "AlreadyRuns",
    "Broker",
    "BrokerError",
    "DataRefused",
    "JarsMissing",
    "JavaMissing",
    "NodeFailed",
    "PortTaken",
    "Security",
]
