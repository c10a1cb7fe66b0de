"""Which models speak on a topic, and which one is meant?"""

import re
from collections.abc import Mapping

from anchorwatch.contract.fields import Steps
from anchorwatch.errors import ConfigError
from anchorwatch.events import MODEL_NAME
from anchorwatch.runtime.init import presets, roles
from anchorwatch.runtime.init.opened import JSON, Event, Opened
from anchorwatch.runtime.init.roles import Shape


def of(side: Opened, shapes: Shape) -> dict[str, float]:
    """Each with its share."""
    where = place(side, shapes)
    return {} if where is None else {name: n / len(side.events) for name, n in shapes[where].values.most_common()}


def place(side: Opened, shapes: Shape) -> Steps | None:
    if side.format != JSON:
        where = presets.MODELS.get(side.format)
        return where if where in shapes else None
    found = roles.others(shapes, set(), len(side.events)).get("model")
    return found.path if found else None


def chosen(models: Mapping[str, float], wanted: str, topic: str) -> tuple[str, str]:
    """Its name as the events have it ("": they name none), and as the contract will."""
    if wanted and models and wanted not in models:
        raise ConfigError(f"--model {wanted}: {topic} holds no such model; it holds {', '.join(list(models)[:20])}")
    own = wanted or next(iter(models), "")
    if not models:
        own = ""
    slug = re.sub(r"[^a-z0-9._-]+", "-", (own or wanted or topic).lower()).strip("-._")[:63] or "model"
    return own, own if MODEL_NAME.fullmatch(own) else slug


def events_of(side: Opened, shapes: Shape, model: str) -> list[Event]:
    if not model:
        return side.events
    where = place(side, shapes)
    return side.events if where is None else [each for each in side.events if str(roles.dig(each.document, where)) == model]
