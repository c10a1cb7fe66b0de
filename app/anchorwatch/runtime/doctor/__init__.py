"""What is wrong with this installation, and how is it mended? Facts are gathered once; every check is a pure function of them.

facts = gather(settings, contracts)          the only part that talks to Kafka
for told in examine(facts): ...              the worst first
"""

from collections.abc import Callable, Iterator

from anchorwatch.runtime.doctor import clocks, copies, hooked, joined, people, reach, rights, sizing, topics, workers
from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.told import SIGNS, Told

CHECKS: tuple[Callable[[Facts], Iterator[Told]], ...] = (
    reach.look, rights.look, topics.look, copies.look, joined.look, clocks.look, workers.look, people.look, hooked.look, sizing.look,
)  # fmt: skip
WITHOUT_KAFKA = (reach.look, people.look, hooked.look)


def examine(facts: Facts) -> list[Told]:
    """In the order of the checks: what can be mended first comes first."""
    checks = WITHOUT_KAFKA if facts.trouble else CHECKS
    return list(dict.fromkeys(told for check in checks for told in check(facts)))


def lines(found: list[Told]) -> list[str]:
    """For people: what is fine in short, then a line each for what was found and a line for how to mend it."""
    short = [f"{SIGNS['fine']} {told.what}" for told in found if told.mark == "fine" and told.check != "sizing"]
    said = ["   ".join(short[i : i + 4]) for i in range(0, len(short), 4)]
    for mark in ("fault", "note", "unseen"):
        for told in found:
            if told.mark == mark:
                said += [f"{SIGNS[told.mark]} {told.what}", f"    fix: {told.fix}"]
    return said + [f"  {told.what}" for told in found if told.check == "sizing" and told.mark == "fine"]
