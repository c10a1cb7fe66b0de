"""The contracts of an installation: files of its folder, in force until `apply` was used for that model, and what was applied."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from anchorwatch import contract as contracts
from anchorwatch.config import Settings, load_contracts
from anchorwatch.contract import JOINED, Catalogue, Contract
from anchorwatch.engine.tail import tail
from anchorwatch.errors import UNREADABLE, ConfigError, ContractError
from anchorwatch.events import Applied
from anchorwatch.stages.registry import applied_from_files


def of_folder(settings: Settings) -> list[Applied]:
    """Of the settings' folder; none when the folder is not there. Raises ContractError, ConfigError.

    A contract without an owner is taken: the judge says so, to `fallback_owner`. Names of detectors are looked up only where there are
    some, since river takes a second to import.
    """
    if not settings.contracts.exists():
        return []
    if not settings.contracts.is_dir():
        raise ConfigError(f"contracts = {settings.contracts}: must be a folder of contract files; set contracts in the settings")
    found = load_contracts(settings.contracts, owned=False)
    if any(setting.detectors for contract, _ in found for setting in contract.watches.values()):
        from anchorwatch.estimators.base import catalogue

        found = load_contracts(settings.contracts, Catalogue(detectors=frozenset(catalogue())), owned=False)
    return applied_from_files(found, {}, "file")


def in_force(settings: Settings) -> dict[str, Applied]:
    """`<environment>/<model>` -> what was applied last. Raises TopicsMismatch, Unreachable."""
    found: dict[str, Applied] = {}
    for told in tail(settings.kafka, [settings.topic("contracts")], since="beginning", until_end=True):
        name = (told.key or b"").decode(errors="replace")
        if told.value is None:
            found.pop(name, None)
            continue
        try:
            found[name] = msgspec.json.decode(told.value, type=Applied)
        except UNREADABLE:
            continue  # what was in force stays, as for `run`, which logs it
    return found


def agree(settings: Settings, new: Sequence[Contract], before: Mapping[str, Applied]) -> None:
    """Will all contracts of a topic read it in one way once `new` are in force? Raises ContractError, which names both and what differs."""
    named = {contract.key for contract in new}
    mine = {tuple(contract.source.of(role).topic or settings.topic(role) for role in JOINED) for contract in new}
    beside = [each.contract for key, each in before.items() if key not in named and _topics(settings, each.contract) in mine]
    if problems := contracts.disputes([*new, *_read(beside)], settings.topic):
        raise ContractError(problems)


def _topics(settings: Settings, content: dict[str, Any]) -> tuple[str, ...]:
    """Of a contract that is not read yet: a thousand of other topics cost nothing."""
    source = content.get("source", {})
    return tuple(source.get(role, {}).get("topic") or settings.topic(role) for role in JOINED)


def _read(contents: Iterable[dict[str, Any]]) -> Iterable[Contract]:
    for content in contents:
        try:
            yield contracts.from_json(content, "contracts", owned=False)
        except ContractError:  # of another release: it is not read by `run` either
            continue
