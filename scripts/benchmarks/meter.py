"""CPU seconds and memory of other processes, read from Linux."""

import time
from pathlib import Path


def cpu_s(pid: int) -> float:
    """User and system time of all threads, also those that ended; nanoseconds exact, where /proc has ticks of 10 ms."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3)
    except OSError as error:
        raise ProcessLookupError(f"process {pid} has ended; look at what it printed") from error


def peak_bytes(pid: int) -> int:
    """The largest resident size so far."""
    return _status(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has no {name}: it has ended; look at what it printed")


def idle_s() -> float:
    """Of the whole machine since it came up, all cores together."""
    return float(Path("/proc/uptime").read_text().split()[1])
