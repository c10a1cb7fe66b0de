"""An upgrade: state and contracts that an earlier release left in Kafka are read, and counting goes on exactly; newer ones are refused by name."""

import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.golden.__main__ import story
from tests.stages.lives import ManyLives
from tests.traffic import loan_applied

from anchorwatch.events import Applied
from anchorwatch.runtime.drive import Clockwork
from anchorwatch.stages.registry import Registry

RELEASES = sorted((Path(__file__).parents[1] / "golden").glob("state-*.msgpack.zlib"))


def left_by(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.msgpack.decode(zlib.decompress(release.read_bytes()))
    return found


def lived(applied: Applied) -> ManyLives:
    return ManyLives([applied], Clockwork())


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_stages_go_on_from_the_state_of_an_earlier_release(release: Path) -> None:
    """As if this release had counted all of it: the same numbers, the same open alerts."""
    kept, (before, after, end) = left_by(release), story()
    upgraded, always = (lived(msgspec.json.decode(kept["applied"], type=Applied)) for _ in range(2))
    upgraded.chunks, upgraded.judge_chunks = kept["ingest"], kept["judge"]
    upgraded.reborn()
    for at in range(0, len(before), 200):
        always.feed(before[at : at + 200])
    for drive in (upgraded, always):
        drive.feed(after)
        drive.end(end)
    last, wanted = upgraded.heard.summaries[-1], always.heard.summaries[-1]

    counted = {name for name, value in last.metrics.items() if value is not None}  # the order of scores was not, in earlier releases
    assert msgspec.structs.replace(last, metrics={}) == msgspec.structs.replace(wanted, metrics={})
    assert {name: last.metrics[name] for name in counted} == {name: wanted.metrics[name] for name in counted}
    assert wanted.metrics.keys() - counted <= {"roc_auc", "pr_auc"}
    assert {(a.dedup_key, a.sequence, a.state) for a in upgraded.heard.alerts} <= {
        (a.dedup_key, a.sequence, a.state) for a in always.heard.alerts
    }
    assert upgraded.heard.alerts


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_a_contract_that_an_earlier_release_applied_is_taken(release: Path) -> None:
    registry = Registry(10_000)

    assert registry.record(b"prod/loan", left_by(release)["applied"]) == "prod/loan"
    assert not registry.refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "applied.v2"}, "it is applied.v2, this version reads applied.v1: run the newer Anchorwatch"),
        ({"contract": {"contract": 2}}, "contract = 2: this version reads contract: 1"),
    ],
)
def test_what_a_newer_release_applied_is_refused_by_name_and_what_was_in_force_stays(change: dict[str, Any], says: str) -> None:
    registry = Registry(10_000)
    registry.record(b"prod/loan", msgspec.json.encode(loan_applied()))
    newer = json.loads(msgspec.json.encode(loan_applied()))
    for name, value in change.items():
        newer[name] = newer[name] | value if isinstance(value, dict) else value
    registry.record(b"prod/loan", json.dumps(newer).encode())

    assert says in registry.refused["prod/loan"]
    assert len(registry.versions["prod/loan"]) == 1


def test_there_is_a_release_to_upgrade_from() -> None:
    assert RELEASES
