"""What is told of decisions and complaints; how they are joined is in test_decided.py and test_complained.py."""

from tests.deciding import LENDING, decided, lending, lending_drive, lending_reference
from tests.traffic import CLOCKWORK, T0, contract_of, in_order, loan_applied, traffic

from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import DECIDED


def test_decisions_about_a_model_that_expects_none_are_counted_apart() -> None:
    """It shares the topic with one that does."""
    other = lending().model_copy(update={"model": "lending"})
    drive = Drive([loan_applied(), applied_of(other, reference_to_json(lending_reference()))], CLOCKWORK)

    heard = drive.feed(decided(traffic(200))).end(T0 + 20_000)

    told = {dict(labels)["result"]: n for (name, labels), n in heard.report.counters.items() if name == "anchorwatch.decisions"}
    assert list(told) == ["unexpected"]
    assert told["unexpected"] > 150


def test_decisions_beyond_their_part_of_the_memory_expire_oldest_first() -> None:
    """A quarter of 800 kB less an index of 8,192 slots: about 3,500 of 6,000 decisions of 28 bytes."""
    drive = lending_drive(contract_of(LENDING.replace("final: 30s", "final: 1h")))
    settings = drive.ingests[0].settings
    object.__setattr__(settings, "pending_bytes_max", 800_000)

    heard = drive.feed(in_order(decided(traffic(6_000)))).end(T0 + 14_000)

    told = {dict(labels)["result"]: n for (name, labels), n in heard.report.counters.items() if name == "anchorwatch.decisions"}
    table = drive.ingests[0].models["prod/loan"].reactions[DECIDED].table
    assert told["expired"] > 1_000
    assert table.nbytes <= 200_000
    assert table.n > 500
