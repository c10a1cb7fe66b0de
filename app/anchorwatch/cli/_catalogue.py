"""Which names may a contract use? Those of detectors are looked up only where a file names some, since river takes a second to import."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.contract import Catalogue


def catalogue_of(text: str) -> "Catalogue":
    """text: of one contract file."""
    from anchorwatch.contract import Catalogue

    if "detectors" not in text:
        return Catalogue()
    from anchorwatch.estimators.base import catalogue

    return Catalogue(detectors=frozenset(catalogue()))
