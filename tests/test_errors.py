import inspect

import pytest

from anchorwatch import errors
from anchorwatch.errors import (
    AnchorwatchError,
    ContractError,
    EventRejected,
    NotFinite,
    OperatorError,
    OurError,
    ProducerError,
    Unreachable,
)

EVERY = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, AnchorwatchError)]


@pytest.mark.parametrize("error", [e for e in EVERY if e is not AnchorwatchError], ids=lambda e: e.__name__)
def test_each_error_says_who_must_act(error: type[AnchorwatchError]) -> None:
    assert sum(issubclass(error, who) for who in (OperatorError, ProducerError, OurError)) == 1


@pytest.mark.parametrize("error", EVERY, ids=lambda e: e.__name__)
def test_the_tree_in_the_docstring_names_each_error(error: type[AnchorwatchError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_exit_codes_follow_who_must_act() -> None:
    assert (OperatorError.exit_code, Unreachable.exit_code, ProducerError.exit_code, OurError.exit_code) == (2, 3, 1, 70)


def test_a_contract_tells_all_its_problems_at_once() -> None:
    assert ContractError("one").problems == ["one"]
    assert ContractError(["one", "two"]).problems == ["one", "two"]
    assert str(ContractError(["one", "two"])) == "one\ntwo"


def test_a_rejected_event_says_where_why_and_what_to_do() -> None:
    error = EventRejected("expected 0..1, got 87", path="$.score", fix="send a share, not per cent", kind="field")

    assert str(error) == "$.score: expected 0..1, got 87; send a share, not per cent"
    assert (error.kind, EventRejected("is empty").kind) == ("field", "malformed")


def test_a_value_that_is_not_finite_is_a_value_error_too() -> None:
    """So that users of an estimator alone may catch it without our errors."""
    assert issubclass(NotFinite, ValueError)
