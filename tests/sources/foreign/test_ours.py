from anchorwatch.events import Prediction
from anchorwatch.sources.foreign.ours import FORMAT


def test_what_has_no_other_place_is_read_where_ours_has_it() -> None:
    assert all(name == path for fields in FORMAT.fields.values() for name, path in fields.items())
    assert set(FORMAT.fields["predictions"]) | {"feature_meta"} == set(Prediction.__struct_fields__)
