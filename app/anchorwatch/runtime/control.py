"""What people and services say beside the events: contracts, flags, commands; told to the registry, the flag book and every judge."""

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakSet

import msgspec

from anchorwatch.errors import UNREADABLE
from anchorwatch.events import Command, FlagChange
from anchorwatch.runtime.job import Job
from anchorwatch.runtime.roster import Roster
from anchorwatch.sources.native import Flags
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.ingest import Ingest

if TYPE_CHECKING:
    from anchorwatch.stages.judge import Judge

log = logging.getLogger(__name__)
COMMANDS_MAX = 10_000  # remembered for tasks that are restored later; above: the oldest leave, which no open alert waits for


class FlagReader:
    """A record of the topic `flags` as changes of flags; what cannot be read is told in the log."""

    def __init__(self) -> None:
        self._decoder = Flags()

    def read(self, key: bytes | None, value: bytes | None, offset: int, time_ms: int) -> list[FlagChange]:
        """At most one, its time as a number."""
        if value is None:
            return []  # a tombstone: compaction's business
        decoded = self._decoder.decode([(key, value, offset, time_ms)])
        for refused in decoded.refused:
            log.warning("flag.refused offset=%d path=%s reason=%s; %s", offset, refused.path, refused.reason, refused.fix)
        return self._decoder.changes(decoded)


class Controls:
    """`take` is called in the event loop, in the order of each topic."""

    def __init__(self, job: Job, roster: Roster) -> None:
        self.job, self.roster, self.flags = job, roster, FlagBook()
        self.topics = [job.topics[name] for name in (("contracts",) if job.stage != "judge" else ("contracts", "flags", "commands"))]
        self.commands: deque[tuple[int, Command]] = deque(maxlen=COMMANDS_MAX)
        self.judges: WeakSet[Judge] = WeakSet()  # also those whose task is away and may come back
        self.ingests: WeakSet[Ingest] = WeakSet()
        self._flags = FlagReader()

    def take(self, topic: str, key: bytes | None, value: bytes | None, offset: int, time_ms: int) -> None:
        if topic == self.job.topics["contracts"]:
            if self.roster.record(key, value):
                for ingest in self.ingests:
                    self._assign(ingest)
        elif topic == self.job.topics["flags"]:
            for change in self._flags.read(key, value, offset, time_ms):
                self.flags.add(change)
        else:
            self._command(key, value, offset)

    def met_ingest(self, ingest: Ingest) -> Ingest:
        """A task began: it hears of contracts from here on."""
        self.ingests.add(ingest)
        self._assign(ingest)
        return ingest

    def met_judge(self, judge: "Judge") -> "Judge":
        """A task began: it is told all commands, and applies those that it has not applied yet."""
        self.judges.add(judge)
        for offset, command in self.commands:
            judge.command(offset, command)
        return judge

    def _assign(self, ingest: Ingest) -> None:
        """Models come to a feed and leave it while it runs."""
        models = self.roster.models_of(self.job.feed)
        if models != ingest.settings.models:
            ingest.settings = replace(ingest.settings, models=models)

    def _command(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        if value is None:
            return
        try:
            command = msgspec.json.decode(value, type=Command)
        except UNREADABLE as error:
            log.warning("command.refused offset=%d key=%r reason=%s; send it with `anchorwatch alerts`", offset, key, error)
            return
        self.commands.append((offset, command))
        for judge in self.judges:
            judge.command(offset, command)
