"""Real streams: what is robust is asserted; `python -m tests.realdata` prints all of it, misses included."""

import dataclasses
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.realdata import azure_llm, azure_pg, bank, bike, covid, dengue, elec2, flights_late, shuffled
from tests.realdata.claims import (
    CLAIMS,
    after_the_storm,
    by_the_hour,
    byte_order_mark,
    no_renames,
    order,
    quarters,
    renames,
    silence,
    storm,
    summer,
    told,
    unstable,
    waits_for_truth,
)
from tests.realdata.reading import folder, ms
from tests.realdata.shown import day, heard

from anchorwatch.config import load
from anchorwatch.runtime.backtest import backtest
from anchorwatch.runtime.drive import Clockwork
from anchorwatch.runtime.replay import Trial, replay
from anchorwatch.runtime.report_table import findings_json

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not folder().is_dir(), reason=f"no development data at {folder()}; set ANCHORWATCH_DATA"),
]
APP = str(Path(__file__).parents[2] / "app")


def test_california_calls_its_reference_unstable_and_hears_the_summer_of_2021() -> None:
    found = told("california")

    assert unstable(found).met
    assert summer(found).met
    assert order(found).met
    assert found.refused == 0


def test_flights_page_by_ten_on_the_morning_of_the_ice_storm() -> None:
    found = told("flights")

    assert storm(found).met, heard(found, until="2011-02-10")
    assert after_the_storm(found).met
    assert by_the_hour(found).met


def test_a_bank_whose_customers_changed_pages_at_once_and_not_every_month() -> None:
    """One segment after the other paged beside the page on the whole, 24 times in the 20 months after it."""
    found = told("bank")

    assert bank.yes_rate(found).met
    assert bank.not_every_month(found).met
    assert len(heard(found, kind="page")) <= 15


def test_one_call_in_twenty_three_times_as_slow_is_heard_beside_a_usual_slow_mode() -> None:
    assert azure_pg.found_in_the_fleet(azure_pg.FLEET, told("azure_pg, 5 % of that fleet x3")).met


def test_flights_that_come_less_late_from_august_on_are_news_and_no_page() -> None:
    found = told(flights_late.NAME)

    assert flights_late.fewer_late(found).met, flights_late.fewer_late(found).words
    assert flights_late.true_news(found).met
    assert flights_late.no_harm(found).met


def test_hotel_says_nothing_on_quality_before_truth_is_due() -> None:
    """It once warned after 15 days and paged after 150, by credit alone."""
    found = told("hotel")

    assert waits_for_truth(found).met, [day(f.window[1]) for f in found.findings if f.watch == "quality"]


def test_covid_finds_all_five_renames_and_no_others() -> None:
    assert renames(told("covid, March as reference")).met
    assert no_renames(told("covid, March as reference")).met
    assert no_renames(told("covid, February as reference")).met
    assert byte_order_mark(told("covid, March as reference")).met


def test_covid_is_dark_where_files_are_missing() -> None:
    assert silence(told("covid, March as reference")).met


def test_bursts_of_requests_to_language_models_are_no_silence() -> None:
    assert azure_llm.no_false_silence(told("azure_llm, the hour as it was")).met
    assert azure_llm.no_false_silence(told("azure_llm, stretched to four weeks")).met


def test_dengue_reports_arrive_as_the_reverse_time_share_says() -> None:
    """The plain share of what has arrived is off by .009."""
    assert dengue.reverse_time(told("dengue")).met


def test_dengue_says_nothing_of_answers_that_are_all_right() -> None:
    """Three cases a day and no error: credit alone once made four warnings a year of them."""
    found = told("dengue")

    assert dengue.late_in_season(found).met
    assert not heard(found, name="QualityDrop")


def test_elec2_hears_three_fields_come_alive_and_a_model_get_worse() -> None:
    found = told("elec2")

    assert elec2.come_alive(found).met
    assert elec2.before_that(found).met
    assert elec2.got_worse(found).met
    assert elec2.only_true_pages(found).met


def test_bike_pages_on_growth_and_not_on_season() -> None:
    found = told("bike")

    assert bike.growth(found).met
    assert bike.season_pages_not(found).met


def test_nothing_happens_where_rows_are_shuffled() -> None:
    """The other streams take too long to be tested each time; the table has them."""
    found = told("azure_llm, stretched to four weeks, shuffled")

    assert shuffled.nothing(found).met, heard(found, kind="page")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_employment_shuffled_pages_far_less_than_promised() -> None:
    """208,892 real scores that behave alike; 36 false pages in 36 months would be within the promise, 0 to 1 are expected."""
    assert len(heard(told("employment, shuffled inside years, 6 h windows"), kind="page")) <= 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_employment_names_the_group_quarters() -> None:
    assert quarters(told("employment, order of the file")).met


@pytest.mark.timeout(300)
def test_a_real_stream_through_kafka_gives_the_same_findings(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of March 2020, with renames, a retyped date and ten times the volume on one day."""
    monkeypatch.setenv("PYTHONPATH", APP)
    stream = covid.march()
    march = dataclasses.replace(stream, events=[e for e in stream.events if e.at_ms < ms("2020-03-26")])
    course, clockwork = march.course(), Clockwork(window_ms=march.window_ms)
    here = backtest(course, clockwork)

    there = replay(course, load(None, {}, {f"kafka.{name}": str(v) for name, v in kafka.client.items()}), clockwork, Trial(4, 2))

    assert len(here.findings) > 20
    assert findings_json(there.findings) == findings_json(here.findings)


def test_every_claim_names_a_stream_that_is_there() -> None:
    from tests.realdata.claims import SHUFFLED, STREAMS

    assert {run for claim in CLAIMS for run in claim.runs} == set(STREAMS) | set(SHUFFLED)
