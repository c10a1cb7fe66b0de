"""What stood in the topics, read once for many models."""

import time
from collections.abc import Callable

import pytest
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import Settings, load
from anchorwatch.contract import Contract, parse
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import normal

NOW = 1_795_341_180_000
DAY = CONTRACT + "reference: {last: 1d, lag: 0m}\n"


def contract(text: str = CONTRACT) -> Contract:
    return parse(text, "fraud.yaml")


def of(model: str) -> Contract:
    return contract(DAY.replace("model: fraud", f"model: {model}"))


def soon_ms() -> int:
    return time.time_ns() // 1_000_000 + 10_000


def test_the_window_is_named_or_the_last_days() -> None:
    assert normal.window(contract(CONTRACT + "reference: {window: [2026-09-01, 2026-09-02]}\n"), NOW) == (
        1_788_220_800_000,
        1_788_307_200_000,
    )
    assert normal.window(contract(CONTRACT + "reference: {last: 2h, lag: 1h}\n"), NOW) == (NOW - 10_800_000, NOW - 3_600_000)


@pytest.fixture
def two_models(installation: Callable[..., Installation]) -> Settings:
    """400 predictions of fraud and 1,000 of churn, each with its outcome, on the same topics."""
    there = installation()
    there.create()
    there.feed(0, 400)
    there.feed(400, 1_000, model="churn")
    return load(there.folder / "anchorwatch.yaml", {})


def test_the_topics_are_the_reference_of_all_models_in_one_pass(two_models: Settings) -> None:
    said: list[str] = []

    found = normal.from_topics(two_models, [of("fraud"), of("churn"), of("quiet")], soon_ms(), said.append)

    fraud, churn, quiet = (found[f"prod/{name}"] for name in ("fraud", "churn", "quiet"))
    assert [(each.reference["rows"], each.reference["labelled"]) for each in (fraud, churn) if each.reference] == [
        (400, 400),
        (1_000, 1_000),
    ]
    assert fraud.origin.endswith(f"of {two_models.topic('predictions')}")
    assert (quiet.reference, quiet.origin.startswith("only 0 predictions")) == (None, True)
    read = [int(word.partition(" ")[0].replace(",", "")) for word in said if word.endswith("are read")]
    assert (read, read[-1]) == (sorted(read), 2_800), "each record once, for however many models"
    assert said[-1] == "what is normal is known for 3 of 3 models"


def test_what_does_not_fit_at_once_is_read_for_half_of_the_models(two_models: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal, "ROWS_MAX", 1_200)
    found = normal.from_topics(two_models, [of("fraud"), of("churn")], soon_ms())
    monkeypatch.setattr(normal, "ROWS_MAX", 600)

    assert [each.reference["rows"] for each in found.values() if each.reference] == [400, 1_000]
    with pytest.raises(ConfigError, match=r"reference window of prod/churn holds more than 600 predictions; write a shorter"):
        normal.from_topics(two_models, [of("fraud"), of("churn")], soon_ms())
