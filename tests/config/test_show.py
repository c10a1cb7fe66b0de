"""Settings value by value."""

from anchorwatch.config.show import rows
from anchorwatch.contract.reading import Places


def test_each_value_has_its_own_origin_and_its_neighbours_do_not_share_it() -> None:
    places = Places("f", at={("a",): "f:1", ("a", "b"): "f:2"})

    assert list(rows({"a": {"b": 2.0, "c": None, "d": True, "e": [1, 2], "f": {}, "g": 0.25}}, places)) == [
        ("a.b", "2", "f:2"),
        ("a.d", "true", "default"),
        ("a.e", "[1, 2]", "default"),
        ("a.g", "0.25", "default"),
    ]


def test_secrets_are_masked_and_addresses_cut() -> None:
    tree = {"kafka": {"sasl.password": "x"}, "sinks": {"a": {"url": "https://u:p@h/x?y"}}}

    assert [row[1] for row in rows(tree, Places("f"))] == ["***", "https://h/***"]
