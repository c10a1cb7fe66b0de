"""Do the clocks agree: producers', brokers', ours? And do events arrive while their window is still open?"""

from collections import Counter
from collections.abc import Iterator

from anchorwatch.config import Feed
from anchorwatch.contract.values import duration_text
from anchorwatch.runtime.doctor.facts import Facts, Sample, Seen
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, span
from anchorwatch.sources.native import TIMES
from anchorwatch.sources.native.times import AHEAD_MAX_MS, SECONDS_BELOW, instant

ENOUGH = 20
SKEW_MAX_MS = 1_000
LATE_SHARE_MAX = 0.01  # of predictions that come after their window may have closed
MS_END = 100_000_000_000_000  # year 5138 in ms; a larger number is in microseconds or finer


def look(facts: Facts) -> Iterator[Told]:
    worst = 0.0
    for feed in facts.feeds:
        for role, topic in feed.topics.items():
            sample = facts.sample(topic)
            yield from _units(sample, TIMES[role], role)
            yield from _ahead(facts, sample)
        told, skew = _skew(facts.sample(feed.topics["predictions"]))
        worst = max(worst, skew)
        yield from told
        yield from _late(facts, feed)
    ours = _our_clock(facts)
    yield from ours
    if worst <= SKEW_MAX_MS and not ours and any(sample.records for sample in facts.samples.values()):
        yield fine("clocks", f"clock skew {span(max(worst, 0))}" if worst else "clocks")


def at_ms(seen: Seen) -> int | None:
    """Its own time, if it can be used."""
    if seen.stated is None or unit(seen.stated) != "ms":
        return None
    found = instant(seen.stated)
    return found if isinstance(found, int) else None


def unit(stated: int | float | str) -> str:
    """ms, or what it is instead."""
    if isinstance(stated, str):
        found = instant(stated)
        return "ms" if isinstance(found, int) else "text without a zone" if found == "no_zone" else "text that is no RFC 3339"
    return "seconds" if stated < SECONDS_BELOW else "microseconds or finer" if stated > MS_END else "ms"


def _units(sample: Sample, field: str, role: str) -> Iterator[Told]:
    units = Counter(unit(seen.stated) for seen in sample.records if seen.stated is not None)
    n = units.total()
    for name, found in units.items():
        if n >= ENOUGH and name != "ms" and found > 0.05 * n:
            example = next(seen.stated for seen in sample.records if seen.stated is not None and unit(seen.stated) == name)
            yield fault(
                "clocks", f"{sample.topic}: {field} of {found / n:.0%} of {n:,} {role} holds {name}, as {str(example)[:40]}, and is not used",
                "whole milliseconds since 1970, or RFC 3339 with an offset: 2026-09-01T06:00:00Z",
            )  # fmt: skip


def _ahead(facts: Facts, sample: Sample) -> Iterator[Told]:
    """Record times in the future: such segments are not deleted, and `--since` begins at the wrong place."""
    ahead = [seen.time_ms - facts.now_ms for seen in sample.records if seen.time_ms > facts.now_ms + 60_000]
    if len(ahead) > 0.01 * len(sample.records):
        yield fault(
            "clocks",
            f"{sample.topic}: {len(ahead) / len(sample.records):.0%} of the records are stamped up to {span(max(ahead))} in the future",
            "set the producers' clocks by NTP, or message.timestamp.type=LogAppendTime",
        )


def _skew(sample: Sample) -> tuple[list[Told], float]:
    """What a producer states against what the broker stamped: an event cannot be read before it was made."""
    pairs = sorted(at - seen.time_ms for seen in sample.records if seen.stamped_by_broker and (at := at_ms(seen)) is not None)
    if len(pairs) < ENOUGH:
        return [], 0.0
    ahead, most = pairs[len(pairs) // 2], pairs[int(len(pairs) * 0.99)]
    if most > AHEAD_MAX_MS:
        share = sum(p > AHEAD_MAX_MS for p in pairs) / len(pairs)
        what = f"{sample.topic}: {share:.0%} of the predictions are dated more than 5 min after the broker took them: their own time is not used"
        return [fault("clocks", what, "set the producers' clocks by NTP; a local time without offset shows as whole hours")], float(most)
    if ahead > SKEW_MAX_MS:
        return [
            fault(
                "clocks",
                f"{sample.topic}: producers' clocks are {span(ahead)} ahead of the broker's",
                "NTP on producers and brokers; else windows close too late",
            )
        ], float(ahead)
    return [], float(max(ahead, 0))


def _late(facts: Facts, feed: Feed) -> Iterator[Told]:
    """Where the wall's clock closes windows, a prediction that is written later than `lateness` is joined but no longer counted in them."""
    settings, sample = facts.settings, facts.sample(feed.topics["predictions"])
    behind = sorted(seen.time_ms - at for seen in sample.records if seen.stamped_by_broker and (at := at_ms(seen)) is not None)
    if len(behind) < ENOUGH or settings.clock != "wall":
        return
    late = sum(b > settings.lateness + settings.window for b in behind) / len(behind)
    if late > LATE_SHARE_MAX:
        p99 = behind[int(len(behind) * 0.99)]
        wanted = duration_text(-(-max(p99, settings.lateness) // 1_000) * 1_000)
        yield fault(
            "lateness", f"{sample.topic}: {late:.1%} of the predictions are written "
            f"more than {span(settings.lateness + settings.window)} after their time, "
            f"1 % more than {span(p99)}: lateness and window are shorter",
            f"lateness: {wanted} (alerts come as much later), or a shorter way to the topic; a backfill that is over needs nothing",
        )  # fmt: skip


def _our_clock(facts: Facts) -> list[Told]:
    """The broker's newest stamp cannot lie ahead of us."""
    stamped = [seen.time_ms for sample in facts.samples.values() for seen in sample.records if seen.stamped_by_broker]
    ahead = max(stamped, default=0) - facts.now_ms
    taken_ms = 30_000  # the samples were read after `now_ms` was asked for
    if ahead > SKEW_MAX_MS + taken_ms:
        return [
            note(
                "clocks",
                f"this machine's clock is {span(ahead)} behind the broker's",
                "NTP here, if the workers run here: silence is judged by this clock",
            )
        ]
    return []
