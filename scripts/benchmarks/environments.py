"""An environment of its own for an opponent whose dependencies do not go with ours: locked, with hashes, made when it is first asked for."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from scripts.benchmarks.patience import Invalid

ROOT = Path(__file__).parents[2]
LOCKS = Path(__file__).parent
INSTALL_S_MAX = 600


def python_of(name: str) -> Path:
    """The interpreter of the environment that `<name>-requirements.txt` describes. Raises Invalid."""
    lock, folder = LOCKS / f"{name}-requirements.txt", ROOT / ".venv" / name
    python, stamp = folder / "bin" / "python", folder / ".locked"
    digest = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".lock-{name}").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # two at once: the second finds all done
        if not stamp.exists() or stamp.read_text() != digest:
            print(f"bench: installing {name} into {folder.relative_to(ROOT)} (once; half a minute)", file=sys.stderr, flush=True)
            _run(name, sys.executable, "-m", "venv", "--clear", str(folder))
            options = ("--disable-pip-version-check", "--no-input", "--quiet", "--no-deps", "--require-hashes")
            _run(name, str(python), "-m", "pip", "install", *options, "-r", str(lock))
            stamp.write_text(digest)
    return python


def version_of(name: str, package: str) -> str:
    """As the lock says."""
    lines = (LOCKS / f"{name}-requirements.txt").read_text().splitlines()
    return next(line.removeprefix(f"{package}==").split()[0] for line in lines if line.startswith(f"{package}=="))


def _run(name: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    if done.returncode:
        raise Invalid(
            f"{name} could not be installed: {done.stderr.strip()[-2_000:]}\n"
            "No network? Set PIP_INDEX_URL or PIP_FIND_LINKS to a mirror and run this again."
        )
