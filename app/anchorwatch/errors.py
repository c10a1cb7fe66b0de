"""What can go wrong, sorted by who must act.

AnchorwatchError
├── OperatorError          a person who runs Anchorwatch must act; the command line shows it and exits 2
│   ├── ConfigError        settings: what, where (file:line or variable), next step
│   ├── ContractError      a model's contract: every error at once, in `problems`
│   ├── TopicsMismatch     topics missing, or counts of partitions that differ in one feed
│   ├── StateRefused       chunks and committed offsets are not of the same cut; a person chooses
│   │   └── StateCorrupt   a chunk of a newer release, or whose checksum does not fit: the same chunk waits after any restart
│   └── Unreachable        Kafka or a service does not answer; exits 3
├── ProducerError          a service sends what cannot be used; data, never fatal
│   ├── EventRejected      goes to dead letters with path, reason and remedy
│   └── NotFinite          NaN or infinity offered to an estimator
└── OurError               unexpected: the process ends with 70 and is started again
"""

from collections.abc import Sequence


class AnchorwatchError(Exception):
    """Root of all; `exit_code` is what the command line leaves with."""

    exit_code = 70


class OperatorError(AnchorwatchError):
    exit_code = 2


class ConfigError(OperatorError): ...


class ContractError(OperatorError):
    """All problems of one contract: each a sentence with path, value, unit and line."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class TopicsMismatch(OperatorError): ...


class StateRefused(OperatorError): ...


class StateCorrupt(StateRefused): ...


class Unreachable(OperatorError):
    exit_code = 3


class ProducerError(AnchorwatchError):
    exit_code = 1


class EventRejected(ProducerError):
    """Why one record cannot be used. `kind`: malformed, field, schema or too_large (interfaces.md 5)."""

    def __init__(self, reason: str, *, path: str = "$", fix: str = "", kind: str = "malformed") -> None:
        self.reason, self.path, self.fix, self.kind = reason, path, fix, kind
        super().__init__(f"{path}: {reason}" + (f"; {fix}" if fix else ""))


class NotFinite(ProducerError, ValueError):
    """NaN or infinity: refused before anything changes, since one of them silences most estimators for good."""


UNREADABLE = (ValueError, RecursionError)
"""What msgspec raises for bytes that hold no record of the wanted type: wrong in form, not UTF-8, or nested too deep."""


class OurError(AnchorwatchError): ...
