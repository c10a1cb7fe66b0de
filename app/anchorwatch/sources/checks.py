"""What every foreign format must keep: one promise is one function, laid on each file of this folder.

`make` gives a new translator of it; `good` are rows as that system writes them, `rows` any rows at all.
"""

from collections.abc import Callable, Sequence

from anchorwatch.events import Row
from anchorwatch.sources.base import Decoded
from anchorwatch.sources.foreign import Opened, Translator
from anchorwatch.sources.native import ROLES
from anchorwatch.sources.native.role import Role

Make = Callable[[], Translator]


def decoder(translator: Translator) -> Role:
    return ROLES[translator.reading.role]((), translator.reading.model)


def read(translator: Translator, rows: Sequence[Row]) -> tuple[Opened, Decoded]:
    opened = translator.open(rows)
    return opened, decoder(translator).decode(opened.rows)


def check_good_rows_become_events_without_a_remark(make: Make, good: Sequence[Row]) -> None:
    opened, decoded = read(make(), good)
    assert opened.refusals(decoded.refused) == [], opened.refusals(decoded.refused)
    assert decoded.records, "nothing came of good rows"
    assert not {what for (_, what) in [*opened.tally, *decoded.tally] if what != "note.misplaced_key"}, (opened.tally, decoded.tally)


def check_every_row_leads_somewhere(make: Make, rows: Sequence[Row]) -> None:
    """Nothing raises; a row becomes events of ours or is refused, with a reason and a remedy; never both."""
    opened, decoded = read(make(), rows)
    refused = [each.row for each in opened.refused]
    assert len(opened.rows) == len(opened.origin) == len(decoded.records) + len(decoded.refused) + passing(opened, decoded)
    assert opened.origin == sorted(opened.origin)
    assert not set(refused) & set(opened.origin), "refused and taken"
    assert set(refused) | set(opened.origin) | set(opened.waits) == set(range(len(rows))), "a row without a trace"
    assert all(each.reason and each.fix for each in opened.refusals(decoded.refused))


def passing(opened: Opened, decoded: Decoded) -> int:
    """Tombstones and heartbeats: neither records nor refused."""
    tombstones = sum(row[1] is None for row in opened.rows)
    known = set(range(len(opened.rows))) if decoded.rows is None else set(decoded.rows)
    others = set(range(len(opened.rows))) - known - {each.row for each in decoded.refused}
    return tombstones + sum(b"heartbeat_at_ms" in (opened.rows[i][1] or b"") for i in others)


def check_cuts_do_not_matter(make: Make, rows: Sequence[Row]) -> None:
    whole, pieces = make().open(rows), make()
    parts = [pieces.open([row]) for row in rows]
    assert whole.rows == [row for part in parts for row in part.rows]
    assert [each._replace(row=0) for each in whole.refused] == [each for part in parts for each in part.refused]


def check_a_life_that_ended_is_gone_on_with(make: Make, good: Sequence[Row]) -> None:
    """What waits for its other half is state: it crosses a restart, and is empty when every event is whole."""
    whole, before = make().open(good), make()
    half = len(good) // 2 + 1
    first = before.open(good[:half])
    after = make()
    after.restore(before.snapshot())
    second = after.open(good[half:])
    assert whole.rows == first.rows + second.rows
    assert after.snapshot() == []


def check_nothing_of_the_record_but_its_key_is_needed_to_say_that_it_is_gone(make: Make, good: Sequence[Row]) -> None:
    tombstones: list[Row] = [(row[0], None, row[2], row[3]) for row in good]
    assert make().open(tombstones).rows == tombstones


ON_GOOD = [
    check_a_life_that_ended_is_gone_on_with,
    check_good_rows_become_events_without_a_remark,
    check_nothing_of_the_record_but_its_key_is_needed_to_say_that_it_is_gone,
]
ON_ANY = [check_every_row_leads_somewhere, check_cuts_do_not_matter]
