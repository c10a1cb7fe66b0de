"""Topics as other people have them, as sides of records: what `init` is tried on."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from anchorwatch.events import Role, Row
from anchorwatch.runtime.init.opened import Side

T = 1_795_341_180_000
N = 400
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def side(topic: str, events: Sequence[tuple[str | None, Any, int]], role: Role = "predictions") -> Side:
    rows: Iterator[Row] = (
        (None if key is None else key.encode(), json.dumps(value).encode(), i, at) for i, (key, value, at) in enumerate(events)
    )
    return Side(topic, tuple(rows), T - 40 * 86_400_000, role)


def native() -> tuple[Side, Side]:
    """Our own events, one model."""
    rng, mine, theirs = random.Random(1), [], []
    for i in range(N):
        at, answer = T + 1_000 * i, "block" if rng.random() < 0.2 else "pass"
        about = {"prediction_id": f"o-{i}", "model": "fraud"}
        event = about | {
            "prediction": answer,
            "score": round(rng.random(), 3),
            "latency_ms": 20 + i % 9,
            "predicted_at_ms": at,
            "model_version": "4",
        }
        event |= {
            "features": {"amount": rng.gauss(50, 9), "country": rng.choice(["DE", "NO", "FR"]), "card": f"c{i}"},
            "segments": {"tier": rng.choice(["gold", "free"])},
        }
        mine.append((f"o-{i}", event | {"traceparent": TRACE}, at))
        known = at + rng.randrange(10_000, 60_000)
        theirs.append((f"o-{i}", about | {"label": answer if rng.random() < 0.9 else "block", "known_at_ms": known}, known))
    return side("anchorwatch.predictions", mine), side("anchorwatch.outcomes", theirs, "outcomes")


def flat() -> tuple[Side, Side]:
    """Flat JSON of other names; keyed by the account, time in seconds, ids as numbers, a postal code as text."""
    rng, mine, theirs = random.Random(2), [], []
    for i in range(N):
        at, bad = T + 1_000 * i, rng.random() < 0.3
        event = {
            "paymentId": 10_000 + i, "accountId": rng.randrange(40), "scored_at": at // 1_000,
            "p_block": round(rng.uniform(0.5, 1) if bad else rng.uniform(0, 0.49), 4),
            "verdict": "BLOCK" if bad else "PASS", "took_us": rng.randrange(9_000, 60_000), "amount": round(rng.expovariate(0.02), 2),
            "zip": f"0{rng.randrange(1_300, 1_330)}", "country": rng.choice(["DE", "NO", "FR", "AT"]),
            "email": f"p{i % 50}@example.org", "vip": rng.random() < 0.1,
        }  # fmt: skip
        mine.append((str(event["accountId"]), event, at + 5))
        known = at + rng.randrange(3_600_000, 7_200_000)
        theirs.append(
            (
                str(10_000 + i),
                {"payment": 10_000 + i, "outcome": "BLOCK" if bad != (rng.random() < 0.05) else "PASS", "booked_at": known},
                known,
            )
        )
    return side("payments.scored", mine), side("payments.settled", theirs, "outcomes")


def nested() -> tuple[Side, None]:
    """A score alone, deep inside, of two models; no outcomes anywhere."""
    rng, mine = random.Random(3), []
    for i in range(N):
        at = T + 1_000 * i
        event: dict[str, Any] = {
            "meta": {"uuid": f"{rng.getrandbits(64):016x}", "ts": "2026-11-22T09:12:00.5Z", "version": "7",
                     "model": "churn-eu" if i % 4 else "churn-us"},
            "request": {"features": {"tenure_months": i % 60, "plan": rng.choice(["basic", "pro"]), "region": rng.choice(["north", "south"])}},
            "response": {"probability": round(rng.random(), 4), "duration_ms": rng.randrange(3, 40)},
        }  # fmt: skip
        mine.append((event["meta"]["uuid"], event, at))
    return side("churn.log", mine), None


def houses() -> tuple[Side, Side]:
    """A regression whose label is a number."""
    rng, mine, theirs = random.Random(4), [], []
    for i in range(N):
        at, price = T + 1_000 * i, rng.gauss(300_000, 50_000)
        mine.append(
            (f"h{i}", {"id": f"h{i}", "predicted_price": price, "sqm": rng.gauss(90, 20), "city": rng.choice("abc"), "time": at}, at)
        )
        theirs.append((f"h{i}", {"id": f"h{i}", "actual_price": price * rng.gauss(1, 0.05), "time": at + 5_000}, at + 5_000))
    return side("houses", mine), side("houses.sold", theirs, "outcomes")
