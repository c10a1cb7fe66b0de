import doctest

from anchorwatch.runtime.doctor import told


def test_spans_and_weights_are_told_as_documented() -> None:
    assert doctest.testmod(told).failed == 0


def test_a_long_list_of_names_is_cut_and_counted() -> None:
    assert told.several(["a", "b", "c", "d", "e"]) == "a, b, c, d and 1 more"
