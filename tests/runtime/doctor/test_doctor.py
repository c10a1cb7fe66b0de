"""All checks together, and how they are told."""

from tests.runtime.doctor.cases import facts, found

from anchorwatch.runtime import doctor
from anchorwatch.runtime.doctor.told import fault, fine, note


def test_an_installation_in_order_has_neither_fault_nor_unseen() -> None:
    told = doctor.examine(facts())

    assert found(told) == found(told, "unseen") == []
    assert [each.what for each in told if each.mark == "note"] == ["alerts go to the log alone"]


def test_without_kafka_only_what_needs_none_is_looked_at() -> None:
    told = doctor.examine(facts(trouble="refused", topics={}, samples=()))

    assert {each.check for each in told} <= {"reach", "access", "tls", "sinks", "owners", "contracts", "routes", "models"}


def test_faults_come_before_notes_each_with_its_remedy_below() -> None:
    lines = doctor.lines([note("a", "slow", "faster"), fine("b", "good"), fault("c", "broken", "mend it")])

    assert lines == ["✓ good", "✗ broken", "    fix: mend it", "• slow", "    fix: faster"]
