"""How long does a partition stand still when an ingest worker is killed, leaves, or joins?

    scripts/bench rebalance [--json FILE] [--rounds N]

Two workers share the partitions of a steady load. `kill`: SIGKILL to one's stage process, which its supervisor starts again after a second.
`leave`: SIGTERM to one, which stays away until the other has all. `join`: it comes back. Beside them, on the same load and struck at the same
moments, two members of a bare consumer group of confluent-kafka that decodes, and commits every second as we cut, with the settings of our
groups: once with static membership as ours, once without; who is killed is started again after a second. Dark is the longest time between two
steps of a partition's committed offset, the worst partition's; a steady group makes one each second.
"""

import itertools
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from scripts.benchmarks import load, subject
from scripts.benchmarks.contenders import UP_S_MAX
from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.members import BareMember, Member, OurMember, Watch
from scripts.benchmarks.patience import wait_until
from scripts.benchmarks.program import settings
from scripts.benchmarks.subject import quantile

from anchorwatch.broker import Broker

RATE = 400  # predictions a second: each partition moves with every cut
FAULTS = ("kill", "leave", "join")
STEPS = 3  # of each partition, once the group is settled: then the fault is over
STEADY_S = 5.0  # looked at before the first fault
AGAIN_S = 1.0  # until who was killed is started again
SETTLE_S_MAX = 90


class Group:
    """Two members, and an eye on what they commit."""

    def __init__(self, name: str, members: tuple[Member, Member], watch: Watch) -> None:
        self.name, self.members, self.watch = name, members, watch
        self.struck_s = 0.0

    def strike(self, fault: str) -> None:
        self.struck_s = time.monotonic()
        first = self.members[0]
        {"kill": first.kill, "leave": first.leave, "join": first.start}[fault]()

    def is_settled(self, fault: str) -> bool:
        """Partitions are held as the fault means them to be, and each has moved a few times since."""
        wanted = (0, PARTITIONS) if fault == "leave" else (PARTITIONS // 2, PARTITIONS // 2)
        if tuple(member.holds() for member in self.members) != wanted:
            self.watch.mark()
            return False
        return self.watch.steps_since_mark() >= STEPS

    def is_shared(self) -> bool:
        return sum(member.holds() for member in self.members) == PARTITIONS

    def log(self) -> str:
        return "\n".join(member.log() for member in self.members)


def dark_s(steps: dict[int, list[float]], struck_s: float) -> float:
    """The longest time without a step that ended after the fault, the worst partition's. steps: times by partition, ascending."""
    worst = 0.0
    for times in steps.values():
        worst = max([worst, *(b - a for a, b in itertools.pairwise(times) if b > struck_s)])
    return worst


def measure(broker: Broker, folder: Path, rounds: int) -> dict[str, Any]:
    kafka: dict[str, Any] = dict(broker.client)
    prefix = "rebalance."
    load.lay_out(kafka, prefix)
    load.put(kafka, prefix, [load.make(1_000, time.time_ns() // 1_000_000).applied])
    with ExitStack() as stack:
        groups = started(stack, kafka, prefix, folder)
        command = [sys.executable, "-m", "scripts.benchmarks.paced", kafka["bootstrap.servers"], prefix, str(RATE), "1e6", "0"]
        writer = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        stack.callback(writer.wait)
        stack.callback(writer.kill)
        settle(groups, "join")
        began = time.monotonic()
        wait_until("a steady time", lambda: time.monotonic() - began > STEADY_S, 2 * STEADY_S, str)
        steady = {group.name: dark_s(group.watch.steps(), began) for group in groups}
        dark: dict[str, dict[str, list[float]]] = {group.name: {fault: [] for fault in FAULTS} for group in groups}
        for n in range(rounds):
            for fault in FAULTS:
                print(f"  round {n + 1}, {fault} ...", file=sys.stderr, flush=True)
                strike(groups, fault)
                settle(groups, fault)
                for group in groups:
                    dark[group.name][fault].append(dark_s(group.watch.steps(), group.struck_s))
    return {
        "seconds": {
            name: {fault: {"p50": statistics.median(each), "max": max(each)} for fault, each in found.items()}
            for name, found in dark.items()
        },
        "over_bare": {fault: quantile(dark["ours"][fault], 0.5) / quantile(dark["bare, static"][fault], 0.5) for fault in FAULTS},
        "steady_s": steady,
        "rounds": dark,
        "conditions": subject.machine(predictions_per_second=RATE, partitions=PARTITIONS),
    }


def started(stack: ExitStack, kafka: dict[str, Any], prefix: str, folder: Path) -> list[Group]:
    """All members up, partitions shared evenly once a load comes."""
    file = settings(kafka, prefix, folder)
    groups = []
    for name, group in (("ours", f"{prefix}ingest.default"), ("bare, static", f"{prefix}static"), ("bare", f"{prefix}plain")):
        pair: list[Member] = []
        for instance in ("a", "b"):
            member: Member = (
                OurMember(file, instance) if name == "ours" else BareMember(kafka, prefix, group, instance, folder, "static" in name)
            )
            member.start()
            stack.callback(member.end)
            pair.append(member)
        watch = Watch(kafka, group, f"{prefix}predictions")
        stack.enter_context(watch)
        groups.append(Group(name, (pair[0], pair[1]), watch))
    for group_ in groups:
        wait_until(f"{group_.name} is up", lambda g=group_: sum(m.holds() for m in g.members) == PARTITIONS, UP_S_MAX, group_.log, 0.1)  # type: ignore[misc]
    return groups


def strike(groups: list[Group], fault: str) -> None:
    for group in groups:
        group.strike(fault)
    if fault == "kill":
        time.sleep(AGAIN_S)
        for group in groups:
            group.members[0].restart()


def settle(groups: list[Group], fault: str) -> None:
    for group in groups:
        group.watch.mark()
        wait_until(f"{group.name}: {fault} is over", partial(group.is_settled, fault), SETTLE_S_MAX, group.log, 0.05)


def told(found: dict[str, Any]) -> str:
    n = len(found["rounds"]["ours"]["kill"])
    lines = ["", f"longest time without a committed step, the worst of {PARTITIONS} partitions, {n} rounds: p50 and max in s"]
    lines.append(f"  {'':<14}" + "".join(f"{what:>18}" for what in ("steady", *FAULTS)))
    for name, each in found["seconds"].items():
        cells = [f"{found['steady_s'][name]:.2f}", *(f"{each[fault]['p50']:.2f} {each[fault]['max']:.2f}" for fault in FAULTS)]
        lines.append(f"  {name:<14}" + "".join(f"{cell:>18}" for cell in cells))
    ratios = ", ".join(f"{fault} {ratio:.2f}" for fault, ratio in found["over_bare"].items())
    return "\n".join([*lines, f"  ours over a bare group with static membership, p50: {ratios}"])


def main() -> int:
    parser = subject.parser("rebalance", __doc__, rounds=5)
    arguments = subject.read(parser)
    return subject.on_kafka(lambda broker, folder: measure(broker, folder, arguments.rounds), told, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
