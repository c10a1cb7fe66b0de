"""telemetry/series.py: the wall before a backend's own."""

from anchorwatch.stages.report import Labels
from anchorwatch.telemetry.series import FOLDED_MAX, IDLE_NS, MODELS_MAX, SEGMENTS_MAX, Places

MODEL = ("prod", "fraud")


def labels(segment: str, model: str = "fraud") -> Labels:
    return (("environment", "prod"), ("model", model), ("segment", segment))


def full() -> tuple[Places, list[tuple[tuple[str, str], str]]]:
    """Places with 200 segments of one model, s0 the idlest; and what lost its place."""
    gone: list[tuple[tuple[str, str], str]] = []
    places = Places(lambda model, segment: gone.append((model, segment)))
    for i in range(SEGMENTS_MAX):
        assert places.place(labels(f"s{i}"), i) == labels(f"s{i}")
    return places, gone


def test_the_201st_segment_of_a_model_is_folded_into_other() -> None:
    places, gone = full()

    assert places.place(labels("one too many"), 1_000) == labels("other")
    assert places.place(labels("s7"), 1_000) == labels("s7")
    assert places.place(labels("one too many", "another model"), 1_000) == labels("one too many", "another model")
    assert places.hidden(MODEL, 1_000) == 1
    assert gone == []


def test_the_whole_and_other_are_never_folded() -> None:
    places, _ = full()

    for given in (labels("whole"), labels("other"), (("model", "fraud"),), ()):
        assert places.place(given, 1_000) == given


def test_a_segment_that_fell_silent_makes_room() -> None:
    places, gone = full()
    later = IDLE_NS + 1
    places.place(labels("s0"), later)

    assert places.place(labels("new"), later) == labels("new")
    assert gone == [(MODEL, "s1")]
    assert places.place(labels("newer"), IDLE_NS) == labels("other")


def test_what_was_folded_long_ago_is_no_longer_counted() -> None:
    places, _ = full()
    places.place(labels("one too many"), 1_000)

    assert places.hidden(MODEL, 1_000 + IDLE_NS) == 0


def test_nothing_grows_without_bound() -> None:
    places, _ = full()
    for i in range(2 * FOLDED_MAX):
        places.place(labels(f"x{i}"), 1_000)
    for i in range(2 * MODELS_MAX):
        places.place(labels("a", f"model{i}"), 1_000)

    assert len(places.folded[MODEL]) == FOLDED_MAX
    assert len(places.seen) == MODELS_MAX
    assert len(places.folded) <= 2 * MODELS_MAX
