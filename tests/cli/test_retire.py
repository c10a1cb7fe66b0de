import pytest

from anchorwatch.cli import launch


def test_whoever_retires_a_model_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """On Kafka: tests/runtime/test_accept.py; what the judge makes of it: tests/watches/test_alive.py."""
    assert launch(["retire", "fraud"]) == 2
    assert 'retire needs a reason, for those who come after you: --reason "replaced by fraud-v2"' in capsys.readouterr().err
