"""What is a watch saying now about one monitor? The only thing that alerting is told.

The judge hands over one `Signal` per monitor whose verdict changed in a window, and may hand over one again for a monitor whose words
changed (a number, a cause): an alert that is open then takes the newest ones with it into its next record, without a sound.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from anchorwatch.events import Severity, Verdict

WHOLE = "whole"
PART_MAX = 400  # characters of one part of a dedup key; longer ones end in a hash, so that no two become one
PATIENCE_MS = 3_600_000
RANK: dict[Severity, int] = {"info": 0, "warning": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Signal:
    """One monitor's verdict at the end of one window.

    verdict:     `page` (M >= N on the harm list), `warning` (a tenth of it, or anything of the cause list), `news` (M >= N on the list
                 of that name), `exact` (a rule that needs no statistics), `recovering` (a dated return), `quiet` (the all-clear: ends it).
    news:        of a monitor of that list, whatever its verdict: it has incidents of its own, and neither causes nor explains anything.
    since_ms:    the estimated change point, event time.
    onset:       [earliest, latest] change point in ms: W's last zero +- 2 windows or +- 10 % of the delay; `(since, since)` if exact.
    evidence:    numbers for people (interfaces.md 4); `explains_whole: True` where the whole without this segment is back inside its line;
                 `shared_with`: the coarser segment whose open page says as much as this one (stages/standing.py).
    traces:      W3C `traceparent`s of kept predictions, the most telling first.
    patience_ms: what was over and comes back within a day of health is told after all when it has lasted that long (event time).
    caused_by:   events that explain it: `{"kind": "deploy", "key", "state", "at_ms", "actor"}`.
    """

    watch: str
    subject: str
    segment: str
    verdict: Verdict
    name: str
    severity: Severity
    harm: bool
    summary: str
    since_ms: int
    onset: tuple[int, int]
    direction: str = ""
    description: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    traces: Sequence[str] = ()
    outside_budget: bool = False
    impact: Mapping[str, Any] = field(default_factory=dict)
    caused_by: Sequence[Mapping[str, Any]] = ()
    runbook: str = ""
    patience_ms: int = PATIENCE_MS
    news: bool = False

    @property
    def whole(self) -> bool:
        return self.segment == WHOLE

    @property
    def fires(self) -> bool:
        """Does it say that something is wrong, or news (and not that it heals or is over)?"""
        return self.verdict in ("page", "warning", "news", "exact")

    @property
    def wakes(self) -> bool:
        """May it wake somebody: a page, or a broken exact rule that is harm."""
        return self.verdict in ("page", "exact") and self.severity == "critical"

    def dedup_key(self, environment: str, model: str) -> str:
        return dedup_key(environment, model, self.watch, self.subject, self.segment)


def dedup_key(environment: str, model: str, watch: str, subject: str, segment: str) -> str:
    """`env/model/watch[:subject]/segment`, each part percent-encoded so that no two monitors share a key (UTF-8, nothing normalised).

    >>> dedup_key("prod", "fraud", "quality", "f1", "country=DE")
    'prod/fraud/quality:f1/country=DE'
    >>> dedup_key("prod", "fraud", "inputs", "a/b: c", "whole")
    'prod/fraud/inputs:a%2Fb%3A%20c/whole'
    """
    asked = f"{_part(watch)}:{_part(subject)}" if subject else _part(watch)
    return f"{_part(environment)}/{_part(model)}/{asked}/{_part(segment)}"


def _part(text: str) -> str:
    quoted = quote(text, safe="=@,+", errors="surrogatepass")
    if len(quoted) <= PART_MAX:
        return quoted
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{quoted[: PART_MAX - 33]}~{digest}"
