"""Contract files as what was applied: in force always, until `apply` was used for that model."""

from anchorwatch.config import Settings, load_contracts
from anchorwatch.errors import ConfigError
from anchorwatch.events import Applied
from anchorwatch.stages.registry import applied_from_files


def applied(settings: Settings) -> list[Applied]:
    """Of the settings' folder; none when the folder is not there. Raises ContractError, ConfigError.

    A contract without an owner is taken: the judge says so, to `fallback_owner`. Names of detectors are looked up by the judge, since
    river takes a second to import; `contract check` and `apply` look them up beforehand.
    """
    if not settings.contracts.exists():
        return []
    if not settings.contracts.is_dir():
        raise ConfigError(f"contracts = {settings.contracts}: must be a folder of contract files; set contracts in the settings")
    return applied_from_files(load_contracts(settings.contracts, owned=False), {}, "file")
