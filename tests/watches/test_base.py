from dataclasses import fields

import numpy as np
from tests.traffic import loan_reference
from tests.watches.seeing import layout, seen

from anchorwatch.watches.base import Count, Monitor, Quiet, Reference, short_hash


def test_a_key_names_the_definition_so_that_others_never_mix() -> None:
    assert (Count("answer", 3).key, Count("answer", 3, "ab12").key) == ("answer", "answer~ab12")


def test_equal_content_has_one_hash_whatever_holds_it() -> None:
    assert short_hash([1.0, 2.0]) == short_hash((1.0, 2.0))
    assert short_hash("a", "b") != short_hash("ab")
    assert len(short_hash(None)) == 8


def test_a_monitor_is_named_by_watch_subject_and_segment() -> None:
    assert Monitor("quality", "f1@late", "region=eu", 2, True, 1.0).key == "quality:f1@late/region=eu"


def test_a_reference_knows_how_long_it_is() -> None:
    assert 0 < loan_reference().days < 0.001
    empty = Reference(**{f.name: getattr(loan_reference(), f.name) for f in fields(Reference)} | {"to_ms": loan_reference().from_ms})
    assert empty.days > 0


def test_what_a_watch_leaves_out_is_nothing() -> None:
    of = layout()
    assert (tuple(Quiet().monitors(of)), tuple(Quiet().rules(of))) == ((), ())
    assert np.array_equal(np.zeros(0), [])


def test_a_sentence_names_its_segment_and_says_when_the_whole_hides_it() -> None:
    part = seen("error@late", segment="region=eu", whole_looks_fine=True)
    assert (part.where, part.contrast) == (" on region=eu", " while the whole still looks fine")
    assert part._replace(whole_looks_fine=False).contrast == ""
    assert (seen("error@late", whole_looks_fine=True).where, seen("error@late", whole_looks_fine=True).contrast) == ("", "")
