"""What a person can say wrongly; a whole run is in tests/runtime/test_supervise.py."""

from pathlib import Path

import pytest

from anchorwatch.cli import launch as run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "fallback_owner: is needed"),
        (["--settings", "none.yaml"], "cannot read settings none.yaml"),
    ],
)
def test_what_is_missing_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["run", "--bootstrap", "nowhere:1", *words]) == 2
    assert told in capsys.readouterr().err
