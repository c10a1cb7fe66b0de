"""What every test has: one Kafka a session, topics of its own, and failure when Anchorwatch logged an internal error."""

import logging
import os
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from hypothesis import settings

from anchorwatch.broker import Broker

# no test fails by a slow moment; on a shared machine none by the draw of its examples either, new ones are found at a desk
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


class Kafka(Protocol):
    """`client`: settings in librdkafka's names, of a user who may do everything."""

    bootstrap: str

    @property
    def client(self) -> dict[str, str | int]: ...


@dataclass
class Elsewhere:
    """A Kafka that somebody else runs, named by ANCHORWATCH_TEST_BOOTSTRAP."""

    bootstrap: str

    @property
    def client(self) -> dict[str, str | int]:
        return {"bootstrap.servers": self.bootstrap}


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """For tests that leave it as it was; whoever kills nodes starts a `Broker` of their own."""
    if elsewhere := os.environ.get("ANCHORWATCH_TEST_BOOTSTRAP"):
        yield Elsewhere(elsewhere)
        return
    with Broker(start_s_max=120) as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """Names topics, groups and transactions of one test apart from all others: `t1a2b3.`."""
    return f"t{uuid.uuid4().hex[:6]}."


class Errors(logging.Handler):
    """Keeps what was logged at ERROR or above."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    errors = Errors()
    logger = logging.getLogger("anchorwatch")
    level = logger.level  # a command that runs in this process may set it
    logger.addHandler(errors)
    try:
        result = yield
    finally:
        logger.removeHandler(errors)
        logger.setLevel(level)
    if errors.lines and not item.get_closest_marker("expects_errors"):
        pytest.fail(
            "An internal error was logged; mark the test `expects_errors` if it is meant:\n" + "\n".join(errors.lines), pytrace=False
        )
    return result


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "expects_errors: an internal error in the log is what this test is about")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Alone the core first, then what needs Kafka; of several processes, which take a file at a time, first what takes longest.

    Whoever takes the fixture has the marker.
    """
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: LONG.get(item.path.relative_to(config.rootpath).parts[1], len(LONG)))
    else:
        items.sort(key=lambda item: item.get_closest_marker("kafka") is not None)


LONG = {folder: rank for rank, folder in enumerate(("integration", "engine", "security", "cli", "broker", "realdata", "runtime"))}
