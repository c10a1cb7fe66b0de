"""Whether a slice explains the whole, and what its alert hands over."""

from tests.stages.wide import CLOCK, RATE, wide_applied, wide_traffic
from tests.traffic import T0

from anchorwatch.runtime.drive import Drive

N = 6_000


def test_a_slice_that_drags_the_whole_over_its_line_is_the_headline() -> None:
    def nearly_all_wrong(features: dict[str, object]) -> float:
        value = features["n07"]
        assert isinstance(value, float)
        return 1.0 if value > 1.13 else 0.07

    heard = Drive([wide_applied()], CLOCK).feed(wide_traffic(N, seed=5, wrong=nearly_all_wrong)).end(T0 + N * 1000 // RATE + 10_000)
    last = {a.dedup_key: a for a in heard.alerts}
    whole = next(a for key, a in last.items() if key.endswith("quality:error@late/whole"))
    part = next(a for key, a in last.items() if "slices:error@late/n07" in key)

    assert part.evidence["explains_whole"] is True
    assert part.incident == whole.incident
    assert part.impact["whole_looks_fine"] is False
    assert part.evidence["affected_ms"][0] <= T0 + 8_000


def test_while_all_get_worse_alike_no_slice_is_found() -> None:
    heard = Drive([wide_applied()], CLOCK).feed(wide_traffic(N, seed=6, wrong=lambda _: 0.3)).end(T0 + N * 1000 // RATE + 10_000)

    assert any(f.watch == "quality" and f.verdict == "page" for f in heard.findings)
    assert not any(f.watch == "slices" for f in heard.findings)
