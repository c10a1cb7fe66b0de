"""What people write to our topics: by whom, about a model that is known, and whether Kafka took it."""

import getpass
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.events import Alert

HEARD_OF_MS = 3_600_000  # a model without a contract on this machine or on the topic is known by its summaries


def login() -> str:
    """Raises ConfigError where the system has no name for us, as in a container with a number in place of a user."""
    from anchorwatch.errors import ConfigError

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ConfigError("--actor: this login has no name; say who you are, by --actor or ANCHORWATCH_ACTOR") from None


def known(settings: "Settings", model: str, named: str, alerts: "Sequence[Alert]" = ()) -> None:
    """model: `<environment>/<name>`; named: as it was written. Raises ConfigError for one that nobody knows."""
    from anchorwatch.contract.faults import nearest
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import status

    models = status.models(settings, int(time.time() * 1_000) - HEARD_OF_MS, list(alerts))
    if model not in models:
        raise ConfigError(f"{named}: no such model; {nearest(model, models or {'none at all'})}")


def write(settings: "Settings", name: str, key: str, value: Any) -> None:
    """One record of plain data to our topic of that name. Raises Unreachable, ConfigError."""
    import msgspec

    from anchorwatch.engine.settings import WRITING, flushed, not_taken, producer
    from anchorwatch.errors import Unreachable

    failures: list[Any] = []  # KafkaError
    topic = settings.topic(name)
    client = producer({name: WRITING[name] for name in ("partitioner", "compression.type")}, settings.kafka, {"message.timeout.ms": 10_000})
    client.produce(
        topic,
        key=key.encode(),
        value=msgspec.json.encode(value),
        headers=[("content-type", b"application/json")],
        on_delivery=lambda error, _: failures.append(error) if error is not None else None,
    )
    left = flushed(client, 15)
    if failures and (refused := not_taken(client, topic, failures[0])):
        raise refused
    if failures or left:
        why = failures[0].str() if failures else "no answer within 15 s"
        raise Unreachable(f"the command was not written to {topic}: {why}; nothing was changed, try again")
