"""Which ports are ours? Claimed until released, so that two brokers started at the same moment do not choose the same.

A TCP port is looked for now and bound by Java seconds later. Between, the UDP port of the same number is held: nothing
else of ours wants it, the system frees it however we end, and it leaves no file. Kafka itself uses no UDP.
"""

import socket

from anchorwatch.broker.failures import PortTaken

FIRST = 28000  # below 32768, from where Linux takes ports for outgoing connections
LAST = 65535
HOST = "127.0.0.1"


class Claims:
    """The ports of one broker; `release` when it is gone."""

    def __init__(self, first: int = FIRST) -> None:
        self._first = self._next = first
        self._held: list[socket.socket] = []

    def exactly(self, port: int) -> int:
        """Raises PortTaken, which names a port that is free."""
        if not self._claim(port):
            spare = next((n for n in range(port + 1, LAST) if _is_free(n)), FIRST)
            raise PortTaken(f"Port {port} on {HOST} is taken by another program. Choose another, say --port {spare}, or end that program.")
        return port

    def next(self) -> int:
        """The next free one upwards."""
        while self._next <= LAST:
            port, self._next = self._next, self._next + 1
            if self._claim(port):
                return port
        raise PortTaken(f"No port on {HOST} is free from {self._first} to {LAST}. End some programs, or begin lower.")

    def release(self) -> None:
        while self._held:
            self._held.pop().close()

    def _claim(self, port: int) -> bool:
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind((HOST, port))
        except OSError:
            held.close()
            return False
        if not _is_free(port):
            held.close()
            return False
        self._held.append(held)
        return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: closed connections are no hindrance
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
