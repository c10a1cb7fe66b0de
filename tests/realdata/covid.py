"""Daily case reports of 2020: an upstream team really adds fields (1 March, 29 May) and renames five (22 March)."""

import csv
import io
import tarfile
from collections.abc import Iterator

from tests.realdata.reading import DAY_MS, Stream, contract_of, folder, ms, predicted

from anchorwatch.runtime.drive import Event

NUMBERS = {"Confirmed", "Deaths", "Recovered", "Latitude", "Longitude", "Lat", "Long_", "Active", "Incidence_Rate", "Case-Fatality_Ratio"}
ANSWER_FROM = 100  # confirmed cases


def february() -> Stream:
    """Reference: February without its first days of another shape."""
    return Stream("covid_daily_schema", contract_of("covid"), list(_events("2020-02-01")), ms("2020-03-01"))


def march() -> Stream:
    """As after an `apply` of the layout of 1 March."""
    return Stream("covid_daily_schema", contract_of("covid"), list(_events("2020-03-01")), ms("2020-03-13"))


def _days() -> Iterator[tuple[str, str]]:
    """(day, text) byte for byte, byte-order marks included."""
    with tarfile.open(folder() / "covid_daily_schema.tar.gz") as archive:
        for name in sorted(archive.getnames()):
            content = archive.extractfile(name)
            if content is not None:
                yield name.removesuffix(".csv"), content.read().decode("utf-8")


def _events(since: str) -> Iterator[Event]:
    """A row is a prediction of a frozen rule: is it an outbreak (100 cases or more)? The reports of a day come over its day."""
    contract = contract_of("covid")
    for day, text in _days():
        if day < since:
            continue
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        for i, row in enumerate(rows):
            at = ms(day) + i * (DAY_MS // 2) // len(rows)
            features = {name: _value(name, value) for name, value in row.items() if name}
            answer = float(row["Confirmed"] or 0) >= ANSWER_FROM
            yield predicted(contract, at, f"{day}/{i}", "outbreak" if answer else "few", features)


def _value(name: str, text: str) -> str | float | None:
    """As a service that knows the numbers by name would send it."""
    if not text:
        return None
    return float(text) if name in NUMBERS else text
