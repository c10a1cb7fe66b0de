"""One tree of errors, each of which a person can act on."""

from anchorwatch.broker import failures
from anchorwatch.broker.failures import BrokerError
from anchorwatch.errors import OperatorError


def test_the_tree_in_the_docstring_names_every_error() -> None:
    drawn = {line.split()[1] for line in (failures.__doc__ or "").splitlines() if line.startswith(("├", "└"))}

    assert drawn == {error.__name__ for error in BrokerError.__subclasses__()}


def test_a_person_must_act_so_the_exit_code_is_2() -> None:
    assert issubclass(BrokerError, OperatorError)
    assert BrokerError.exit_code == 2
