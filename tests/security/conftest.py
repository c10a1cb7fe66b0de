"""One fortress for all tests of this folder: 4 s."""

from collections.abc import Iterator

import pytest
from tests.security.fortress import Fortress


@pytest.fixture(scope="package")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    with Fortress(tmp_path_factory.mktemp("fortress")) as started:
        yield started
