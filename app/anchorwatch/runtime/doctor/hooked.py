"""Do the hooks that are on concern any model? A change of a flag that no contract names is kept, and nobody hears of it."""

from collections.abc import Iterator

from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.told import Told, fine, note, several


def look(facts: Facts) -> Iterator[Told]:
    on = facts.settings.hooks_on
    if not on or not facts.contracts:
        return
    told = [*_deaf(facts), *_elsewhere(facts)]
    yield from told
    if not told:
        yield fine("hooks", f"hooks {several(list(on))}")


def _deaf(facts: Facts) -> Iterator[Told]:
    deaf = [contract.key for contract in facts.contracts if not contract.source.flags]
    if deaf:
        yield note(
            "hooks",
            f"no flag is named in the contract of {several(deaf)}: hooks tell nothing of it",
            "source: {flags: [KEY]} in the contract",
        )


def _elsewhere(facts: Facts) -> Iterator[Told]:
    """Environments into which the settings translate, and which no contract has."""
    known = {contract.environment for contract in facts.contracts}
    for name, hook in facts.settings.hooks_on.items():
        if strange := sorted({*hook.environments.values(), hook.environment} - known):
            what = f"hooks.{name} leads to the environment {several(strange)}, which no contract has; there are {several(sorted(known))}"
            yield note("hooks", what, f"hooks: {{{name}: {{environments: {{THEIRS: OURS}}}}}}")
