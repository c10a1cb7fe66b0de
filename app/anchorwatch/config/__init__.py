"""One installation's settings and the contracts beside them. Flag over variable over file over default.

Reads files and the environment it is given; talks to nobody.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from anchorwatch import sinks
from anchorwatch.config import rules
from anchorwatch.config.feeds import Feed
from anchorwatch.config.layers import Layers, text_of
from anchorwatch.config.model import TOPICS, Route, Settings, Sink
from anchorwatch.config.secrets import MASK, Options
from anchorwatch.contract import Catalogue, Contract, disputes, parse
from anchorwatch.contract.faults import validate
from anchorwatch.contract.reading import Path, shown_path
from anchorwatch.contract.schema import schema_of
from anchorwatch.errors import ConfigError, ContractError

__all__ = [
    "FILE", "KAFKA", "MASK", "NEEDED_BY_RUN", "TOPICS", "Feed", "Options", "Route", "Settings", "Sink",
    "contract_files", "json_schema", "load", "load_contracts", "text_of",
]  # fmt: skip

FILE = "anchorwatch.yaml"  # read from the current folder when there is one
KAFKA: tuple[Path, ...] = (("kafka", "bootstrap.servers"),)
NEEDED_BY_RUN: tuple[Path, ...] = (*KAFKA, ("fallback_owner",))
CONTRACTS_MAX = 2_000


def load(
    path: File | str | None,
    env: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
    needs: Sequence[Path] = KAFKA,
) -> Settings:
    """Settings in force. `path` None: $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml, else no file. `overrides`: dotted key -> text.

    Raises ConfigError with every problem, a line each; values of secrets are in none of them.
    """
    file = _file(path, env)
    layers = Layers(env, file.parent if file else File())
    if file is not None:
        layers.file(text_of(file, "settings"), str(file))
    layers.variables()
    layers.flags(overrides or {})
    settings, faults = validate(rules.kind(tuple(needs)), layers.tree, layers.places)
    if settings is None or layers.problems:
        told = tuple(f"{shown_path(path)}{end}" for path in layers.troubled for end in (":", " ="))
        raise ConfigError("\n".join([*layers.problems, *(fault for fault in faults if not fault.startswith(told))]))
    return _settled(settings, layers)


def _file(path: File | str | None, env: Mapping[str, str]) -> File | None:
    if named := path or env.get("ANCHORWATCH_SETTINGS"):
        return File(named)
    return File(FILE) if File(FILE).is_file() else None


def _settled(settings: Settings, layers: Layers) -> Settings:
    """Paths from the settings file's folder; alerts go to the log when nothing is said, and to every sink when no route is."""
    named = settings.sinks or {"log": Sink(kind="log")}
    changes: dict[str, Any] = {"contracts": layers.base / settings.contracts, "sinks": named}
    if "default" not in settings.routes:
        changes["routes"] = {**settings.routes, "default": Route(sinks=tuple(named))}
    settled = settings.model_copy(update=changes)
    settled._places = layers.places
    return settled


def load_contracts(folder: File | str, catalogue: Catalogue | None = None, *, owned: bool = True) -> list[tuple[Contract, str]]:
    """(contract, origin) of every *.yaml and *.yml in a folder, by name. Refuses what this version would read wrongly.

    Raises ContractError with the problems of all files, also of those that are no text; ConfigError when the folder cannot be read.
    """
    found: list[tuple[Contract, str]] = []
    problems: list[str] = []
    first: dict[str, str] = {}
    for file in contract_files(File(folder)):
        try:
            contract = parse(text_of(file, "contract"), str(file), catalogue, owned=owned, runnable=True)
        except ContractError as error:
            problems += error.problems
            continue
        except ConfigError as error:
            problems.append(str(error))
            continue
        if contract.key in first:
            problems.append(f"model = {contract.model}: {contract.key} stands in {first[contract.key]} too; keep one ({file})")
        first.setdefault(contract.key, str(file))
        found.append((contract, str(file)))
    if problems := problems or disputes(contract for contract, _ in found):
        raise ContractError(problems)
    return found


def contract_files(folder: File) -> list[File]:
    """*.yaml and *.yml of a folder, by name; hidden ones are left out."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in (".yaml", ".yml") and not file.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"cannot read the folder of contracts {folder}: {error.strerror}; set contracts in {FILE}") from error
    if len(files) > CONTRACTS_MAX:
        raise ConfigError(f"{folder} holds more than {CONTRACTS_MAX:,} contracts; run several installations")
    return files


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of anchorwatch.yaml, for editors."""
    schema = schema_of(Settings, "settings.schema.json", "Anchorwatch settings")
    schema["$defs"]["Sink"]["properties"]["kind"]["enum"] = sinks.names()
    return schema
