"""Settings in force, value by value, with where each was set; no secret leaves here."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.config.secrets import MASK, is_hidden, is_secret
from anchorwatch.contract.reading import Path, Places


def rows(settings: Any, places: Places) -> Iterator[tuple[str, str, str]]:
    """(key, value, where it was set). `settings`: as dumped to JSON."""
    for path, value in _leaves(settings, ()):
        origin = places.at.get(path, "default")
        yield ".".join(map(str, path)), _shown(path, value), origin


def _leaves(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, (*path, key))
    elif tree not in (None, {}):
        yield path, tree


def _shown(path: Path, value: Any) -> str:
    if is_secret(path):
        return MASK
    if is_hidden(path):
        address = urlsplit(str(value))
        return f"{address.scheme}://{address.hostname or ''}{f':{address.port}' if address.port else ''}/{MASK}"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
