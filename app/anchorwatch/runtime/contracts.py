"""The contracts of an installation: files of its folder, in force until `apply` was used for that model, and what was applied."""

import msgspec

from anchorwatch.config import Settings, load_contracts
from anchorwatch.engine.tail import tail
from anchorwatch.errors import UNREADABLE, ConfigError
from anchorwatch.events import Applied
from anchorwatch.stages.registry import applied_from_files


def of_folder(settings: Settings) -> list[Applied]:
    """Of the settings' folder; none when the folder is not there. Raises ContractError, ConfigError.

    A contract without an owner is taken: the judge says so, to `fallback_owner`. Names of detectors are looked up by the judge, since
    river takes a second to import; `contract check` and `apply` look them up beforehand.
    """
    if not settings.contracts.exists():
        return []
    if not settings.contracts.is_dir():
        raise ConfigError(f"contracts = {settings.contracts}: must be a folder of contract files; set contracts in the settings")
    return applied_from_files(load_contracts(settings.contracts, owned=False), {}, "file")


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
