"""Which class is a label, after the contract of its day was replaced? Codes of a table of waiting predictions that outlive a contract."""

from collections.abc import Iterable, Sequence

import numpy as np

from anchorwatch.watches.base import Floats, Ints

NAMES_MAX = 10_000  # of one model in one life of a task; classes beyond it are kept as `OTHER`
OTHER = 1e6  # a class that the contract of its day did not name


class Classes:
    """Names in the order in which contracts brought them; a code is the place of its name, for ever."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = list(names)
        self._codes = {name: code for code, name in enumerate(self.names)}

    def kept(self, classes: Sequence[str], codes: Ints) -> Floats:
        """codes: int64[n] in the order of that contract's classes, len(classes): none of them -> float64[n] as the table keeps them."""
        table = np.array([*(self._code(name) for name in classes), OTHER])
        return table[np.where(codes < 0, len(classes), codes)]

    def read(self, classes: Sequence[str], kept: Floats) -> Ints:
        """The reverse, perhaps for another contract: float64[n] -> int64[n]; NaN (no label) -> -1, none of its classes -> len(classes)."""
        places = {name: place for place, name in enumerate(classes)}
        table = np.array([*(places.get(name, len(classes)) for name in self.names), len(classes), -1], np.int64)
        n = len(self.names)
        at = np.where(np.isnan(kept), n + 1, np.minimum(np.nan_to_num(kept), n)).astype(np.int64)
        return table[at]

    def _code(self, name: str) -> float:
        code = self._codes.get(name)
        if code is None:
            if len(self.names) >= NAMES_MAX:
                return OTHER
            code = self._codes[name] = len(self.names)
            self.names.append(name)
        return float(code)
