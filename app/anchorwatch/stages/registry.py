"""Which contract and reference are in force at a time? Filled from `contracts` (or files), read by both stages.

A change takes effect at the first window boundary at or after its `effective_from`; what was known before stays for the windows before.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from anchorwatch import contract as contracts
from anchorwatch.contract import Contract
from anchorwatch.errors import UNREADABLE, ContractError
from anchorwatch.events import Applied
from anchorwatch.stages.reference import reference_from_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

SCHEMA = "applied.v1"
VERSIONS_MAX = 16  # of one model remembered; older ones cannot be in force any more
REFUSED_MAX = 200  # names remembered with their reason; above: the oldest leave, they stand in the log
REFUSED_TEXT_MAX = 1_000  # characters of one reason, and of one name that is no model's


class Version(NamedTuple):
    """One contract with its reference, from a window boundary on."""

    from_ms: int  # first window that it covers; 0: always
    layout: Layout
    applied: Applied
    since_ms: int = 0  # watched without a break since here; what was removed and applied again begins anew

    @property
    def contract(self) -> Contract:
        return self.layout.contract


class Registry:
    """Models by `<environment>/<model>`; each a list of versions in the order of their time."""

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self.versions: dict[str, list[Version]] = {}
        self.changes = 0  # of `versions`, counted
        self.refused: dict[str, str] = {}  # key -> why what was applied cannot be used

    def __len__(self) -> int:
        return len(self.versions)

    def keys(self) -> Iterable[str]:
        return self.versions.keys()

    def apply(self, applied: Applied) -> Version:
        """Raises ContractError; what was in force stays. A contract without an owner is taken: the judge says so."""
        contract = contracts.from_json(applied.contract, f"contracts:{applied.actor}", owned=False)
        if problems := contracts.unsupported(contract):
            raise ContractError(problems)
        reference = reference_from_json(applied.reference) if applied.reference else None
        try:
            layout = Layout(contract, reference, catalogue())
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            if reference is None:
                raise
            raise ContractError(f"reference: cannot be used ({error!r}); make it anew with `anchorwatch apply --relearn`") from error
        begin = -(-applied.effective_from_ms // self.window_ms) * self.window_ms
        known = [v for v in self.versions.get(contract.key, []) if v.from_ms < begin]
        version = Version(begin, layout, applied, known[-1].since_ms if known else begin)
        self.versions[contract.key] = [*known, version][-VERSIONS_MAX:]
        self.changes += 1
        self.refused.pop(contract.key, None)
        return version

    def record(self, key: bytes | None, value: bytes | None) -> str | None:
        """A record of `contracts`. Returns the model's key when something changed; what cannot be used is remembered in `refused`."""
        name = (key or b"").decode(errors="replace")
        if value is None:
            self.refused.pop(name, None)
            self.changes += 1
            return name if self.versions.pop(name, None) else None
        try:
            applied = msgspec.json.decode(value, type=Applied)
            if applied.schema != SCHEMA:
                raise ContractError(f"it is {applied.schema[:40]}, this version reads {SCHEMA}: run the newer Anchorwatch")
            return self.apply(applied).layout.key
        except (*UNREADABLE, ContractError) as error:
            self._refuse(name := name[:REFUSED_TEXT_MAX], str(error)[:REFUSED_TEXT_MAX])
            return name

    def _refuse(self, name: str, why: str) -> None:
        self.refused.pop(name, None)
        self.refused[name] = why
        if len(self.refused) > REFUSED_MAX:
            del self.refused[next(iter(self.refused))]

    def at(self, key: str, window_from_ms: int) -> Version | None:
        """The version in force in the window that begins then; before the first one, the first: a contract covers what came earlier."""
        found = self.versions.get(key)
        if not found:
            return None
        for version in reversed(found):
            if version.from_ms <= window_from_ms:
                return version
        return found[0]

    def layout_of(self, key: str, contract: dict[str, Any], reference_id: str) -> Layout:
        """The layout that rows of an earlier life belong to; where its reference is gone, the same contract without one."""
        wanted = contracts.from_json(contract, "state", owned=False)
        known = self.versions.get(key, [])
        for version in reversed(known):
            if (version.contract.id, version.layout.reference_id) == (wanted.id, reference_id):
                return version.layout
        reference = next((v.layout.reference for v in known if v.layout.reference_id == reference_id), None)
        return Layout(wanted, reference, catalogue())

    def latest(self) -> Sequence[Version]:
        return [found[-1] for found in self.versions.values()]

    def weights(self) -> float:
        """Sum of the budget weights of all models."""
        return sum(v.contract.budget.weight for v in self.latest()) or 1.0


def applied_from_files(pairs: Iterable[tuple[Contract, str]], references: Mapping[str, dict[str, Any]], actor: str) -> list[Applied]:
    """Contract files alone work as well: in force always, for every window."""
    return [
        Applied(contract=contracts.to_json(c), actor=f"{actor} ({origin})", at_ms=0, effective_from_ms=0, reference=references.get(c.key))
        for c, origin in pairs
    ]
