"""Why can no Kafka run here? A person must act; the command line shows the message and exits 2.

BrokerError
├── JavaMissing   no Java >= 17, or those found are too old or do not run
├── JarsMissing   the registry does not answer, sends something else than kafka.lock names, or the disk is full
├── PortTaken     a port that was asked for belongs to another program
├── DataRefused   a data folder is not a broker's, or of another number of nodes
├── AlreadyRuns   `broker start` while one runs
└── NodeFailed    a node ended or was not ready in time; carries the last lines of its log
"""

from anchorwatch.errors import OperatorError


class BrokerError(OperatorError): ...


class JavaMissing(BrokerError): ...


class JarsMissing(BrokerError): ...


class PortTaken(BrokerError): ...


class DataRefused(BrokerError): ...


class AlreadyRuns(BrokerError): ...


class NodeFailed(BrokerError): ...
