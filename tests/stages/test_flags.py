from tests.traffic import contract_of, flag_change

from anchorwatch.stages import flags
from anchorwatch.stages.flags import FlagBook


def test_changes_are_told_in_the_order_of_their_own_times() -> None:
    book = FlagBook()
    for at, state in ((30, "on"), (10, "off"), (20, "canary")):
        book.add(flag_change(at, state))

    assert [change.state for change in book.of(contract_of())] == ["off", "canary", "on"]


def test_a_hook_that_is_delivered_twice_is_one_change() -> None:
    book = FlagBook()
    book.add(flag_change(10, "off"))
    book.add(flag_change(10, "off"))

    assert len(book.of(contract_of())) == 1


def test_the_newest_change_is_the_newest_by_its_own_time() -> None:
    book = FlagBook()
    for at, state in ((30, "on"), (10, "off")):
        book.add(flag_change(at, state))

    newest = book.newest("prod", "loan-on")
    assert newest is not None
    assert (newest.changed_at_ms, newest.state) == (30, "on")
    assert book.newest("staging", "loan-on") is None
    assert [book.knows(flag_change(at, state)) for at, state in ((30, "on"), (30, "off"), (20, "on"))] == [True, False, False]


def test_a_change_concerns_a_model_by_the_key_in_its_contract_or_by_its_name() -> None:
    book = FlagBook()
    book.add(flag_change(10, "off", key="other"))
    book.add(flag_change(20, "off", key="rollout", models=["loan"]))
    book.add(flag_change(30, "off", key="loan-on"))

    assert [change.key for change in book.of(contract_of())] == ["rollout", "loan-on"]


def test_staging_does_not_concern_production() -> None:
    book = FlagBook()
    book.add(flag_change(10, "off", environment="staging"))

    assert book.of(contract_of()) == []


def test_of_one_flag_only_the_newest_changes_are_remembered() -> None:
    book = FlagBook()
    for at in range(flags.CHANGES_MAX + 5):
        book.add(flag_change(at, "on" if at % 2 else "off"))

    assert [change.changed_at_ms for change in book.of(contract_of())] == list(range(5, flags.CHANGES_MAX + 5))


def test_flags_beyond_the_bound_are_not_remembered() -> None:
    book = FlagBook()
    for i in range(flags.FLAGS_MAX + 3):
        book.add(flag_change(i, "off", key=f"flag-{i}"))

    assert len(book.changes) == flags.FLAGS_MAX
