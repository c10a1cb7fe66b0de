"""An hour of requests to two language models, as bursty as real traffic is. The first quarter is the reference."""

from tests.realdata.reading import HOUR_MS, Stream, contract_of, in_time, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, heard, told_of

from anchorwatch.runtime.backtest import Told

BEGIN = ms("2023-11-16T18:15:46")
LONGER = 24 * 28  # an hour becomes four weeks: long enough for the clock of expected events


def hour() -> Stream:
    return _stream(1, 10_000)


def four_weeks() -> Stream:
    return _stream(LONGER, HOUR_MS)


def _stream(longer: int, window_ms: int) -> Stream:
    contract = contract_of("llm")
    events = []
    for i, row in enumerate(table("azure_llm_2023")):
        at = BEGIN + (ms(row["ts"]) - BEGIN) * longer
        features, segments = {"context_tokens": number(row["context_tokens"])}, {"service": row["service"]}
        events.append(predicted(contract, at, str(i), float(row["generated_tokens"]), features, segments=segments))
    return Stream("azure_llm_2023", contract, in_time(events), BEGIN + longer * HOUR_MS // 4, window_ms=window_ms)


def no_false_silence(found: Told) -> Shown:
    dark, pages = heard(found, name="ModelDark"), heard(found, kind="page")
    return Shown(not dark and not pages, f"{len(dark)} silences, {len(pages)} pages; heard: {told_of(heard(found))}")


CLAIMS = (
    Claim("azure_llm, the hour as it was", "bursts: no false silence", no_false_silence),
    Claim("azure_llm, stretched to four weeks", "bursts: no false silence", no_false_silence),
)
