import msgspec
import pytest
from tests.traffic import LOAN, contract_of, loan_applied, loan_reference

from anchorwatch.contract import to_json
from anchorwatch.errors import ContractError
from anchorwatch.events import Applied
from anchorwatch.stages import registry as registries
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.stages.registry import Registry, applied_from_files


def applied(text: str = LOAN, effective_from_ms: int = 0) -> Applied:
    return Applied(contract=to_json(contract_of(text)), actor="ann", at_ms=0, effective_from_ms=effective_from_ms)


def with_line(ms: int) -> str:
    return LOAN.replace("80ms", f"{ms}ms")


def line(registry: Registry, at_ms: int) -> int | None:
    version = registry.at("prod/loan", at_ms)
    return version.contract.promises.latency.inference_p99 if version else None


def test_a_change_takes_effect_at_the_first_window_boundary_at_or_after_its_time() -> None:
    registry = Registry(10_000)
    registry.apply(applied(with_line(80)))
    registry.apply(applied(with_line(90), 20_001))
    registry.apply(applied(with_line(70), 40_000))

    assert [line(registry, t) for t in (0, 20_000, 29_999, 30_000, 39_999, 40_000)] == [80, 80, 80, 90, 90, 70]


def test_the_first_contract_covers_what_came_before_it() -> None:
    registry = Registry(10_000)
    registry.apply(applied(with_line(80), 50_000))

    assert line(registry, 0) == 80


def test_a_later_word_about_the_same_time_replaces_what_was_planned() -> None:
    registry = Registry(10_000)
    for ms, when in ((80, 0), (90, 30_000), (70, 20_000)):
        registry.apply(applied(with_line(ms), when))

    assert [line(registry, t) for t in (10_000, 20_000, 30_000)] == [80, 70, 70]


def test_of_one_model_only_the_newest_versions_are_remembered() -> None:
    registry = Registry(10_000)
    for i in range(registries.VERSIONS_MAX + 3):
        registry.apply(applied(with_line(10 + i), i * 10_000))

    assert len(registry.versions["prod/loan"]) == registries.VERSIONS_MAX


def test_a_tombstone_removes_a_contract_and_says_which() -> None:
    registry = Registry(10_000)
    registry.record(b"prod/loan", msgspec.json.encode(applied()))

    assert registry.record(b"prod/loan", None) == "prod/loan"
    assert registry.at("prod/loan", 0) is None
    assert registry.record(b"prod/loan", None) is None, "gone already"


def test_watching_begins_with_the_first_contract_and_anew_after_a_removal() -> None:
    registry = Registry(10_000)
    for ms, when in ((80, 15_000), (90, 30_000)):
        registry.apply(applied(with_line(ms), when))
    going_on = registry.at("prod/loan", 30_000)
    registry.record(b"prod/loan", None)
    registry.apply(applied(with_line(90), 70_000))
    anew = registry.at("prod/loan", 70_000)

    assert (going_on and going_on.since_ms, anew and anew.since_ms) == (20_000, 70_000)


def test_a_contract_that_cannot_be_used_is_remembered_and_what_was_in_force_stays() -> None:
    registry = Registry(10_000)
    registry.record(b"prod/loan", msgspec.json.encode(applied(with_line(80))))
    broken = applied()
    broken.contract["task"] = "guess"

    registry.record(b"prod/loan", msgspec.json.encode(broken))
    registry.record(b"prod/other", b"{not json")

    assert line(registry, 0) == 80
    assert "task" in registry.refused["prod/loan"]
    assert set(registry.refused) == {"prod/loan", "prod/other"}


@pytest.mark.parametrize("raw", [b'{"contract":{"a":"\xff"}}', b'{"a":' * 100_000, b"[" * 100_000, b'{"contract":{"a":' + b"[" * 100_000])
def test_a_record_that_is_not_text_or_nested_too_deep_ends_nothing(raw: bytes) -> None:
    registry = Registry(10_000)
    registry.record(b"prod/loan", msgspec.json.encode(applied(with_line(80))))

    registry.record(b"prod/loan", raw)

    assert (line(registry, 0), set(registry.refused)) == (80, {"prod/loan"})


def test_what_cannot_be_used_is_remembered_up_to_a_bound_the_newest_last() -> None:
    registry = Registry(10_000)
    for i in range(registries.REFUSED_MAX + 5):
        registry.record(f"prod/m{i}".encode(), b"{}")
    registry.record(b"prod/m7", b"{}")
    registry.record(b"x" * 100_000, b"\xff" * 100_000)

    assert len(registry.refused) == registries.REFUSED_MAX
    assert [name[:9] for name in registry.refused][-3:] == ["prod/m204", "prod/m7", "x" * 9]
    assert max(len(name) + len(why) for name, why in registry.refused.items()) <= 2 * registries.REFUSED_TEXT_MAX


def test_a_refusal_ends_with_the_next_good_contract() -> None:
    registry = Registry(10_000)
    registry.record(b"prod/loan", b"{}")

    registry.record(b"prod/loan", msgspec.json.encode(applied()))

    assert registry.refused == {}


def test_a_reference_that_is_none_is_refused_by_its_next_step() -> None:
    broken = applied()
    broken.reference = {"id": "x"}

    with pytest.raises(ContractError, match="make it anew"):
        Registry(10_000).apply(broken)


@pytest.mark.parametrize("expected", [
    {"no": [1e30], "yes": [1.0], "said": [0.5], "answer": [1.0], "group": [0.0]}, {"no": [1.0], "yes": [1.0, 2.0]}, {"no": [1.0]},
])  # fmt: skip
def test_a_reference_whose_numbers_fit_nothing_is_refused_by_its_next_step(expected: dict[str, list[float]]) -> None:
    broken = loan_applied()
    assert broken.reference is not None
    broken.reference = {**broken.reference, "expected": expected}
    registry = Registry(10_000)

    registry.record(b"prod/loan", msgspec.json.encode(broken))

    assert "make it anew" in registry.refused["prod/loan"]


def test_a_contract_without_an_owner_is_taken_so_that_it_can_be_said() -> None:
    orphan = applied()
    orphan.contract["owner"] = {}

    assert Registry(10_000).apply(orphan).contract.owner.team == ""


def test_changes_are_counted_so_that_decoders_follow() -> None:
    registry = Registry(10_000)
    registry.apply(applied())
    registry.record(b"prod/loan", None)

    assert registry.changes == 2


def test_the_layout_of_an_earlier_life_is_found_by_contract_and_reference() -> None:
    registry = Registry(10_000)
    version = registry.apply(loan_applied())

    same = registry.layout_of("prod/loan", version.applied.contract, loan_reference().id)
    gone = registry.layout_of("prod/loan", version.applied.contract, "another")

    assert same is version.layout
    assert gone.learning


def test_weights_add_up_over_models() -> None:
    registry = Registry(10_000)
    registry.apply(applied(LOAN + "budget: {weight: 3}\n"))
    registry.apply(applied(LOAN.replace("model: loan", "model: car")))

    assert registry.weights() == 4


def test_files_alone_are_in_force_always() -> None:
    contract = contract_of()
    references = {"prod/loan": reference_to_json(loan_reference())}

    [one] = applied_from_files([(contract, "contracts/loan.yaml")], references, "run")

    assert (one.effective_from_ms, one.actor) == (0, "run (contracts/loan.yaml)")
    assert one.reference is not None
