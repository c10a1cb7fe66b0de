from typing import Any

from anchorwatch.runtime.init.features import Feature, features, segments
from anchorwatch.runtime.init.shape import shape

N = 60


def of(**columns: Any) -> list[dict[str, Any]]:
    return [{"x": {name: value(i) for name, value in columns.items()}} for i in range(N)]


def test_features_are_told_with_type_and_what_was_seen() -> None:
    found = features(shape(of(amount=lambda i: i * 1.5, job=lambda i: "ab"[i % 2], vip=lambda i: i % 3 == 0)), ("x",), set(), N)

    assert found == [
        Feature("amount", "number", "seen 0 to 88.5"),
        Feature("job", "category", "seen a 50%, b 50%"),
        Feature("vip", "bool", "seen false 67%, true 33%"),
    ]


def test_what_is_missing_personal_or_an_id_is_said() -> None:
    documents = of(risk=lambda i: None if i % 4 == 0 else i, user_id=lambda i: i, email=lambda i: f"a{i % 3}@b", note=lambda i: f"n{i}")

    found = {each.name: each for each in features(shape(documents), ("x",), set(), N)}

    assert found["risk"].seen.endswith("missing 25.0%")
    assert (found["user_id"].watched, found["note"].watched) == (False, False)
    assert (found["email"].private, "@" in found["email"].seen) == (True, False)


def test_nowhere_is_no_feature() -> None:
    assert features(shape(of(a=lambda i: i)), None, set(), N) == []


def test_segments_are_few_values_spoken_names_first() -> None:
    documents = of(job=lambda i: "abc"[i % 3], country=lambda i: "DE" if i % 5 else "NO", always=lambda _: "x", many=lambda i: f"v{i}")
    mine = shape(documents)

    found = segments(mine, features(mine, ("x",), set(), N), ("x",), set(), N)

    assert [(each.name, each.path) for each in found] == [("country", None), ("job", None)]
    assert [each.path for each in segments(mine, [], ("y",), set(), N)] == [("x", "country"), ("x", "job")]


def test_a_name_in_two_places_is_one_segment_and_ids_are_none() -> None:
    """Of few records ids have few values as well; a name that no contract takes is passed over."""
    documents = [
        {"a": {"tier": "xy"[i % 2]}, "b": {"tier": "xyz"[i % 3]}, "ref": f"r{i}", "k=v": "xy"[i % 2], "n" * 101: "xy"[i % 2]}
        for i in range(40)
    ]

    assert [(each.name, each.path) for each in segments(shape(documents), [], None, set(), 40)] == [("tier", ("b", "tier"))]
