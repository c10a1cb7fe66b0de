"""Which models are watched, and which feed is each of? Contract files first; what was applied wins over the file of its model."""

import logging
from collections.abc import Callable, Sequence

import msgspec

from anchorwatch import contract as contracts
from anchorwatch import sources
from anchorwatch.config import Feed
from anchorwatch.config.feeds import feeds
from anchorwatch.contract import Contract
from anchorwatch.errors import UNREADABLE, ContractError
from anchorwatch.events import Applied
from anchorwatch.stages.registry import Registry

log = logging.getLogger(__name__)


class Roster:
    """A registry and its feeds. Raises ContractError for a file that cannot be used; what the topic holds is refused with a log line."""

    def __init__(self, topic: Callable[[str], str], window_ms: int, files: Sequence[Applied]) -> None:
        """topic: standard name -> name in force."""
        self.registry = Registry(window_ms)
        self._topic = topic
        self._of_files = {self.registry.apply(applied).layout.key for applied in files}
        self._feeds: list[Feed] | None = None  # None: to be found anew
        self._of: dict[str, str] = {}
        self.headed = self._headed()  # topics whose formats speak in headers; replaced as a whole, so another thread may look

    def _headed(self) -> frozenset[str]:
        found = set[str]()
        for version in self.registry.latest():
            for role, topic in version.contract.topics(self._topic).items():
                if sources.load(version.contract.source.of(role).format).headed:
                    found.add(topic)
        return frozenset(found)

    def record(self, key: bytes | None, value: bytes | None) -> bool:
        """A record of `contracts`. Did it change anything?"""
        learnt = self._learnt(key, value)
        if learnt == "of another file":
            return False
        name = self.registry.record(key, value)
        if name is None:
            return False
        if why := self.registry.refused.get(name):
            log.warning("contract.refused model=%s reason=%s; what was in force stays; `anchorwatch apply` a valid one", name, why)
            return False
        if name in self._of_files and not learnt:
            self._of_files.discard(name)
            if found := self.registry.versions.get(name):
                del found[:-1]  # the file was never in force, now that something was applied
            log.info("contract.file_passed_over model=%s reason=one was applied, it wins", name)
        self._feeds = None
        self.headed = self._headed()
        return True

    def _learnt(self, key: bytes | None, value: bytes | None) -> str:
        """Is it what the file of a model learnt by itself? The file goes on; what another text of it learnt is none of its business."""
        name = (key or b"").decode(errors="replace")
        if value is None or name not in self._of_files:
            return ""
        try:
            applied = msgspec.json.decode(value, type=Applied)
            if not applied.learnt:
                return ""
            same = contracts.from_json(applied.contract, "contracts", owned=False).id == self.registry.versions[name][-1].contract.id
        except (*UNREADABLE, ContractError):
            return ""
        if not same:
            log.warning(
                "contract.learnt_passed_over model=%s reason=its file was changed since; it learns anew, or `anchorwatch apply` it", name
            )
        return "of this file" if same else "of another file"

    @property
    def feeds(self) -> list[Feed]:
        if self._feeds is None:
            self._feeds = feeds(self._topic, [version.contract for version in self.registry.latest()])
            self._of = {contract.key: feed.name for feed in self._feeds for contract in feed.contracts}
        return self._feeds

    def feed_of(self, key: str) -> str:
        """Of a model; "" when nobody has a contract for it."""
        return self._of.get(key, "") if self.feeds else ""

    def outside(self, contract: Contract) -> list[str]:
        """Topics of its siblings that its feed does not read."""
        name = self.feed_of(contract.key)
        return next((feed.outside(contract) for feed in self.feeds if feed.name == name), [])

    def models_of(self, feed: str) -> frozenset[str]:
        return frozenset(contract.key for found in self.feeds if found.name == feed for contract in found.contracts)
