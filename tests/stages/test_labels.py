import numpy as np

from anchorwatch.stages import labels
from anchorwatch.stages.labels import OTHER, Classes


def codes(*of: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(of, np.int64)


def test_a_label_means_its_class_whatever_the_order_in_a_later_contract() -> None:
    known = Classes()
    kept = known.kept(["no", "yes"], codes(0, 1, 2))

    assert kept.tolist() == [0, 1, OTHER]
    assert known.read(["no", "yes"], kept).tolist() == [0, 1, 2]
    assert known.read(["yes", "no"], kept).tolist() == [1, 0, 2]
    assert known.read(["yes", "maybe"], kept).tolist() == [2, 0, 2], "what the contract does not name is none of its classes"
    assert known.kept(["yes", "maybe"], codes(0, 1)).tolist() == [1, 2]


def test_no_label_is_minus_one() -> None:
    assert Classes(["no"]).read(["no"], np.array([np.nan, 0.0])).tolist() == [-1, 0]


def test_names_have_a_bound() -> None:
    known = Classes(str(i) for i in range(labels.NAMES_MAX))

    assert known.kept(["7", "new"], codes(0, 1)).tolist() == [7, OTHER]
    assert len(known.names) == labels.NAMES_MAX
