"""Which jars make a Kafka? Those named in kafka.lock with their SHA-256: cached for the user, fetched by jgo when missing or damaged.

Environment: ANCHORWATCH_MAVEN_URL (a mirror instead of Maven Central), KAFKA_HOME (an unpacked Kafka 4, then nothing is fetched).
"""

import hashlib
import os
import re
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from anchorwatch.broker.failures import JarsMissing

LOCK = Path(__file__).with_name("kafka.lock")
DOWNLOADS_MAX = 4  # at once; 8 were not faster
ANSWER_S_MAX = 60
LEFTOVER_S = 3600.0  # a download that was killed so long ago is nobody's


class Jar(NamedTuple):
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def find_jars(say: Callable[[str], None] = lambda _: None) -> list[Path]:
    """44 MB and about 6 s the first time; later 0.1 s for the checksums, without network. `say` hears of a download."""
    if home := os.environ.get("KAFKA_HOME"):
        return _of_distribution(Path(home))
    cache = user_cache_path("anchorwatch") / "kafka"
    locked = locked_jars()
    try:
        if missing := [jar for jar in locked if not is_intact(cache / jar.name, jar)]:
            say(f"fetching {len(missing)} jars of Kafka into {cache}, once")
            _fetch(missing, cache)
    except (OSError, RuntimeError) as error:  # those of requests are OSErrors, those of jgo RuntimeErrors
        raise JarsMissing(
            f"Cannot put the jars of Kafka into {cache}: {error}. Check network and disk, set ANCHORWATCH_MAVEN_URL "
            "to your mirror, or KAFKA_HOME to an unpacked Kafka 4."
        ) from error
    return [cache / jar.name for jar in locked]


def locked_jars() -> list[Jar]:
    lines = LOCK.read_text("utf-8").splitlines()
    return [Jar(*re.split("[: ]", line)) for line in lines if not line.startswith("#")]


def kafka_version() -> str:
    """Of the lock, not of KAFKA_HOME."""
    return next(jar.version for jar in locked_jars() if jar.artifact == "kafka-clients")


def is_intact(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _of_distribution(home: Path) -> list[Path]:
    jars = sorted((home / "libs").glob("*.jar"))
    if not any(jar.name.startswith("kafka_2.13-4.") for jar in jars):
        raise JarsMissing(f"KAFKA_HOME={home} has no libs/kafka_2.13-4.*.jar. Name the folder of an unpacked Kafka 4, or unset it.")
    return jars


def _fetch(jars: Sequence[Jar], cache: Path) -> None:
    """Each jar appears whole or not at all: jgo writes in place, and only warns of a wrong checksum."""
    from jgo.maven import MavenContext

    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    mirror = os.environ.get("ANCHORWATCH_MAVEN_URL")
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
        remotes = {"mirror": mirror} if mirror else None
        context = MavenContext(repo_cache=Path(folder), local_repos=[], remote_repos=remotes, timeout=ANSWER_S_MAX)

        def fetch_one(jar: Jar) -> None:
            path = Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
            if not is_intact(path, jar):
                raise JarsMissing(
                    f"{jar.name} from {mirror or 'Maven Central'} is not the file that kafka.lock names; nothing was kept. "
                    "Is a proxy or mirror changing it? Set ANCHORWATCH_MAVEN_URL to another one, or KAFKA_HOME to an unpacked Kafka 4."
                )
            path.replace(cache / jar.name)

        with _certificates_of_the_system(), ThreadPoolExecutor(DOWNLOADS_MAX) as pool:
            waiting = [pool.submit(fetch_one, jar) for jar in jars]
            try:
                for one in waiting:
                    one.result()
            finally:
                pool.shutdown(cancel_futures=True)  # the first failure ends it; 45 more would say the same


@contextmanager
def _certificates_of_the_system() -> Iterator[None]:
    """Behind a company's proxy its authority stands in the system's store, where pip finds it too; requests looks into its own alone."""
    name, system = "REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile
    if os.environ.get(name) or not system:
        yield
        return
    os.environ[name] = system
    try:
        yield
    finally:
        os.environ.pop(name, None)


def _sweep(cache: Path) -> None:
    for folder in cache.glob("fetch-*"):
        if folder.stat().st_mtime < time.time() - LEFTOVER_S:
            shutil.rmtree(folder, ignore_errors=True)
