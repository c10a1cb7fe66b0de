"""Hostile input: `./scripts/fuzz` gives our readers a million inputs, nearly right ones. Told: inputs and seconds of each; a crash, its input."""

import argparse
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.mutations import mutated

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

MEMORY_MAX = 6 << 30  # bytes of address space: an input that asks for more is a crash that is told, not the end of the run
SLOW_S = 2.0  # of CPU, for one input: a reader that takes so long can be stopped by anybody


def feed(name: str, target: "Target", inputs: int, seed: int) -> tuple[int, float]:
    """(crashes, longest time of one input)."""
    crashes, longest = 0, 0.0
    for number, raw in zip(range(inputs), mutated(target.seeds, seed), strict=False):
        began = time.process_time()
        try:
            target.take(raw)
            wrong = "took too long" if time.process_time() - began > SLOW_S else ""
        except Exception as error:  # what a target may raise it catches itself
            wrong = repr(error)
        longest = max(longest, time.process_time() - began)
        if wrong:
            crashes += 1
            if crashes <= 5:
                print(f"{name} #{number} (seed {seed}): {wrong[:300]}\n  {raw[:200]!r}", flush=True)
    return crashes, longest


def with_atheris(name: str, target: "Target", inputs: int, seed: int) -> None:
    """Coverage tells which inputs are worth changing further. Ends the process: 0, or not after a crash, whose input it keeps in a file."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with tempfile.TemporaryDirectory(prefix="anchorwatch-fuzz-") as corpus:
        for number, raw in enumerate(target.seeds):
            Path(corpus, str(number)).write_bytes(raw)
        atheris.Setup([name, f"-runs={inputs}", f"-seed={seed}", "-max_len=20000", corpus], target.take)
        atheris.Fuzz()


def main() -> None:
    words = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    words.add_argument("targets", nargs="*", help="else all; a name that is none tells which there are")
    words.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--atheris", action="store_true", help="guided by coverage; one target, needs `pip install atheris`")
    asked = words.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.atheris:
        import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

        with atheris.instrument_imports(include=["anchorwatch"]):  # ours alone, and before anything imports it
            from tests.fuzz.targets import TARGETS
    else:
        from tests.fuzz.targets import TARGETS
    if sys.platform == "linux" and not asked.atheris:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    names = asked.targets or list(TARGETS)
    if odd := set(names) - set(TARGETS):
        words.error(f"no such target: {', '.join(sorted(odd))}; there are {', '.join(TARGETS)}")
    if asked.atheris:
        with_atheris(names[0], TARGETS[names[0]](), asked.inputs, asked.seed)
    made = {name: TARGETS[name]() for name in names}
    shares = sum(target.share for target in made.values())
    crashes = given = 0
    for name, target in made.items():
        inputs, began = -(-asked.inputs * target.share // shares), time.monotonic()
        found, longest = feed(name, target, inputs, asked.seed)
        print(
            f"{name:<14} {inputs:>9,} inputs {time.monotonic() - began:7.1f} s, longest {1000 * longest:6.1f} ms, {found} crashes",
            flush=True,
        )
        crashes, given = crashes + found, given + inputs
    print(f"{given:,} inputs, {crashes} crashes")
    sys.exit(bool(crashes))


if __name__ == "__main__":
    main()
