"""The settings of an installation that has none yet: what the options of `init` said, so that no later command needs them."""

from collections.abc import Mapping
from pathlib import Path

from anchorwatch.config import FILE
from anchorwatch.errors import ConfigError
from anchorwatch.runtime.init.text import text

VARIABLE = "ANCHORWATCH_SETTINGS"


def wanted(named: Path | None, env: Mapping[str, str], bootstrap: str | None) -> bool:
    """Was Kafka named by an option alone, and is there no file that says it?"""
    return bool(bootstrap) and named is None and not env.get(VARIABLE) and not Path(FILE).exists()


def written(bootstrap: str, registry: str, owner: str) -> str:
    lines = [
        "# Written by `anchorwatch init`. A flag beats a variable (ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS), a variable beats this file."
    ]
    lines += [
        "kafka:",
        f"  bootstrap.servers: {text(bootstrap)}",
        "  # security.protocol: SASL_SSL      # further ones in librdkafka's names",
    ]
    lines += [f"registry: {{url: {text(registry)}}}" if registry else "# registry: {url: http://registry:8081}   # of schemas, for Avro"]
    lines += [f"fallback_owner: {text(owner)}   # who hears of what nobody owns"]
    lines += ["# sinks: {ops: {kind: alertmanager, url: http://alertmanager:9093}}   # without one alerts go to the log of `run`"]
    return "\n".join(lines) + "\n"


def save(words: str) -> Path:
    """In the current folder, where every command looks. Raises ConfigError."""
    file = Path(FILE)
    try:
        file.write_text(words, "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    return file
