import pytest

from anchorwatch import sources
from anchorwatch.contract.fields import OF_ROLE


def test_every_file_of_the_folder_is_a_format() -> None:
    assert "native" in sources.names()
    assert "json" in sources.names()
    assert not {"base", "checks", "foreign"} & set(sources.names())


@pytest.mark.parametrize("name", sources.names())
def test_each_format_says_where_its_fields_stand(name: str) -> None:
    assert sources.load(name).fields.keys() <= OF_ROLE.keys()
