from anchorwatch.runtime.init.shape import Field, kind_of, leaves, shape


def test_every_value_is_found_under_its_path() -> None:
    assert dict(leaves({"a": {"b": 1, "c": {"d": "x"}}, "e": [1, 2], "f": None})) == {
        ("a", "b"): 1, ("a", "c", "d"): "x", ("e",): [1, 2], ("f",): None,
    }  # fmt: skip


def test_types_ranges_and_distinct_values_are_kept() -> None:
    found = shape([{"n": 1, "t": "01321", "b": True}, {"n": 2.5, "t": "NO", "b": None}, {"n": -3}])

    assert (found[("n",)].kind, found[("n",)].low, found[("n",)].high, found[("n",)].whole) == ("number", -3, 2.5, False)
    assert set(found[("t",)].values) == {"01321", "NO"}
    assert (found[("b",)].kind, found[("b",)].present) == ("bool", 1)


def test_a_field_of_two_types_is_mixed_and_a_stray_one_is_not() -> None:
    assert shape([{"x": 1}, {"x": "1"}])[("x",)].kind == "mixed"
    assert shape([{"x": 1}] * 99 + [{"x": "?"}])[("x",)].kind == "number"


def test_nan_is_nothing_and_a_list_is_no_scalar() -> None:
    assert [kind_of(value) for value in (float("nan"), None, [1], True, "a", 0)] == ["null", "null", "list", "bool", "text", "number"]


def test_words_of_a_name_are_split_as_people_write_them() -> None:
    assert [Field((name,)).words for name in ("scoredAtMs", "p_block", "HTTPStatus", "took-us")] == [
        ["scored", "at", "ms"], ["p", "block"], ["http", "status"], ["took", "us"],
    ]  # fmt: skip
