from tests.runtime.doctor.cases import contract, facts, found

from anchorwatch.config import load
from anchorwatch.runtime.doctor.hooked import look

HOOKED = {"kafka.bootstrap.servers": "b:9092", "hooks.unleash.secret": "long enough", "hooks.mlflow.environment": "nowhere"}
FLAGGED = contract("source: {flags: [fraud-on]}\n")


def test_without_a_hook_that_is_on_nothing_is_said() -> None:
    assert list(look(facts())) == []


def test_a_hook_whose_flags_no_contract_names_is_worth_knowing() -> None:
    told = list(look(facts([contract()], settings=load(None, {}, HOOKED))))

    assert found(told, "note") == [f"no flag is named in the contract of {contract().key}: hooks tell nothing of it"]


def test_an_environment_that_no_contract_has_is_worth_knowing() -> None:
    elsewhere = load(None, {}, HOOKED | {"hooks.unleash.environments": "{production: live}"})

    assert found(list(look(facts([FLAGGED], settings=elsewhere))), "note") == [
        "hooks.unleash leads to the environment live, which no contract has; there are prod",
    ]


def test_a_hook_that_concerns_models_is_fine() -> None:
    assert found(list(look(facts([FLAGGED], settings=load(None, {}, HOOKED)))), "fine") == ["hooks unleash"]
