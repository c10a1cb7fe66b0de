"""Endurance: `./scripts/soak --minutes 60`. Steady load, a restart of something every minute: memory flat, lag bounded, counts exact."""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.ground import Ground, kill
from tests.integration.stream import Stream
from tests.integration.totals import broken, exact, expected
from tests.runtime.installation import Running

from anchorwatch.broker import Broker

FIRST_PORT = 29_500
LOOK_S, RESTART_S = 5.0, 60.0
SETTLED_S = 35.0  # a life's memory is compared from this age on: until then it fills what it holds of the last half minute
GROWTH_MAX, GROWTH_MB = 1.10, 15.0  # of the median of the last third over that of the first
LAG_S_MAX = 90.0  # of traffic that may wait, restarts included
MB = 2**20
ROLES = ("supervisor", "ingest", "judge")


@dataclass
class Seen:
    """role -> (seconds since the start, MB) of lives that have settled; the lag in records at each look."""

    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    lag: list[int] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)

    def growth(self, role: str) -> tuple[float, float]:
        """Median of the first and of the last third, MB."""
        found = [mb for _, mb in self.memory[role]]
        third = max(len(found) // 3, 1)
        return (statistics.median(found[:third]), statistics.median(found[-third:])) if found else (0.0, 0.0)

    def faults(self, rate: int) -> list[str]:
        told = []
        for role in ROLES:
            first, last = self.growth(role)
            if not first:
                told.append(f"{role}: never lived for {SETTLED_S:g} s; say more --minutes")
            elif last > first * GROWTH_MAX and last > first + GROWTH_MB:
                told.append(f"{role}: memory grew from {first:.0f} to {last:.0f} MB")
        if max(self.lag) > LAG_S_MAX * 2 * rate:  # predictions and outcomes
            told.append(f"lag reached {max(self.lag):,} records")
        return told


def rss_mb(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB
    except OSError:  # it ends just now
        return 0.0


class Soak:
    def __init__(self, there: Ground, running: Running) -> None:
        self.there, self.running, self.seen = there, running, Seen()
        self.began = time.monotonic()
        self.born: dict[int, float] = {}  # process -> when it was first seen
        self.first: dict[str, int] = {}  # role -> its first process: a stage that began on empty topics holds less than one that came back

    def look(self) -> None:
        """One sample of each process that is there."""
        now = time.monotonic()
        told = self.running.ready()
        processes = {"supervisor": self.running.process.pid, **{stage["stage"]: stage["process"] for stage in told.get("stages", [])}}
        for role, process in processes.items():
            if not process or (role != "supervisor" and self.first.setdefault(role, process) == process):
                continue
            if now - self.born.setdefault(process, now) >= SETTLED_S and (mb := rss_mb(process)):
                self.seen.memory[role].append((round(now - self.began, 1), round(mb, 1)))
        self.seen.lag.append(sum(sum(stage.get("lag", {}).values()) for stage in told.get("stages", [])))

    def restart(self, number: int) -> None:
        """kill -9 of ingest, of judge, of both; each fourth time `run` itself ends in order and begins anew."""
        stages = {stage["stage"]: stage["process"] for stage in self.running.ready().get("stages", [])}
        victims = (["ingest"], ["judge"], ["ingest", "judge"], [])[number % 4]
        self.seen.restarts.append("+".join(victims) or "run")
        for victim in victims:
            kill(stages[victim])
        if not victims:
            self.running.process.send_signal(signal.SIGTERM)
            assert self.running.process.wait(20) == 0, self.running.words[-2_000:]
            self.running = self.there.run()

    def run(self, minutes: float) -> None:
        until_s, restart_s, number = self.began + 60 * minutes, self.began + RESTART_S, 0
        while (now := time.monotonic()) < until_s:
            self.look()
            if now >= restart_s and now < until_s - RESTART_S / 2:
                self.running.wait_ready(120)
                self.restart(number)
                restart_s, number = now + RESTART_S, number + 1
            time.sleep(max(0.0, min(LOOK_S, until_s - time.monotonic())))
        self.running.wait_ready(120)


def soak(minutes: float, rate: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="anchorwatch-soak-") as folder, Broker(first_port=FIRST_PORT, start_s_max=120) as kafka:
        there = Ground(kafka.client, "soak.", Path(folder)).prepare()
        one = Soak(there, there.run())
        try:
            one.running.wait_ready()
            stream = Stream(there.kafka, there.prefix, rate=rate)
            one.run(minutes)
            fed = stream.end()
            found = exact(there, fed, patience=120)
        finally:
            one.running.__exit__()
        wrong = [f"{what}: found {found[what]}, fed {value}" for what, value in expected(fed).items() if found[what] != value]
        wrong += [f"alerts: {broken(there)}"] if broken(there) else []
        return {
            "minutes": minutes, "rate": rate, "predictions": fed["predictions"]["whole"], "restarts": one.seen.restarts,
            "memory_mb": {role: one.seen.growth(role) for role in ROLES}, "lag_max": max(one.seen.lag),
            "samples": one.seen.memory, "faults": [*wrong, *one.seen.faults(rate)],
        }  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    words.add_argument("--minutes", type=float, default=60)
    words.add_argument("--rate", type=int, default=300, help="predictions a second, each with its outcome")
    words.add_argument("--json", type=Path, help="all samples as data")
    asked = words.parse_args()
    told = soak(asked.minutes, asked.rate)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1))
    print(
        f"{told['predictions']:,} predictions in {told['minutes']:g} minutes, {len(told['restarts'])} restarts; at most {told['lag_max']:,} waited"
    )
    for role, (first, last) in told["memory_mb"].items():
        print(f"memory of {role:<10} {first:6.1f} MB in the first third, {last:6.1f} in the last (medians)")
    for fault in told["faults"]:
        print(f"WRONG {fault}")
    print("exact, flat and bounded" if not told["faults"] else f"{len(told['faults'])} faults")
    sys.exit(bool(told["faults"]))


if __name__ == "__main__":
    main()
