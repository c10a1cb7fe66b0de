"""What a record of the load holds: the names, and types by which it is read in the quickest way."""

import msgspec

NUMBERS = [f"f{n}" for n in range(10)]
CATEGORIES = ["c0", "c1"]
Features = msgspec.defstruct("Features", [*((name, float) for name in NUMBERS), *((name, str) for name in CATEGORIES)])


class Segments(msgspec.Struct):
    country: str
    tier: str
    channel: str


class Prediction(msgspec.Struct):
    prediction_id: str
    model: str
    model_version: str
    predicted_at_ms: int
    prediction: str
    score: float
    latency_ms: float
    features: Features  # type: ignore[valid-type]  # made from the list of names
    segments: Segments
    traceparent: str


class Outcome(msgspec.Struct):
    prediction_id: str
    model: str
    label: str
    known_at_ms: int
