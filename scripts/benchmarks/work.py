"""The river work that stream processors are compared by: an outcome joined with its prediction, then a detector and a metric for each segment."""

import json

import msgspec
from scripts.benchmarks.shape import Outcome, Prediction, Segments


def tell(**what: int) -> None:
    print(json.dumps(what), flush=True)


class Segment:
    """One river detector and one river metric."""

    def __init__(self) -> None:
        from river import drift, metrics

        self.drift, self.accuracy, self.alarms = drift.ADWIN(), metrics.Accuracy(), 0

    def update(self, label: str, answer: str) -> None:
        self.accuracy.update(label, answer)
        self.drift.update(float(label != answer))
        self.alarms += self.drift.drift_detected


def names_of(segments: Segments) -> tuple[str, ...]:
    """The whole, three dimensions, their pairs."""
    c, t, h = segments.country, segments.tier, segments.channel
    return "*", c, t, h, f"{c},{t}", f"{c},{h}", f"{t},{h}"


class Join:
    """A dict of predictions that wait, one of outcomes that came first, and the segments."""

    def __init__(self, predictions: int) -> None:
        self.predictions = predictions
        self.waiting: dict[str, Prediction] = {}
        self.early: dict[str, str] = {}
        self.segments: dict[str, Segment] = {}
        self.seen, self.joined = 0, 0
        self.read_prediction, self.read_outcome = msgspec.json.Decoder(Prediction).decode, msgspec.json.Decoder(Outcome).decode

    def prediction(self, value: bytes) -> None:
        prediction = self.read_prediction(value)
        self.seen += 1
        label = self.early.pop(prediction.prediction_id, None)
        if label is None:
            self.waiting[prediction.prediction_id] = prediction
        else:
            self.update(prediction, label)

    def outcome(self, value: bytes) -> None:
        outcome = self.read_outcome(value)
        prediction = self.waiting.pop(outcome.prediction_id, None)
        if prediction is None:
            self.early[outcome.prediction_id] = outcome.label
        else:
            self.update(prediction, outcome.label)

    def update(self, prediction: Prediction, label: str) -> None:
        for name in names_of(prediction.segments):
            if name not in self.segments:
                self.segments[name] = Segment()
            self.segments[name].update(label, prediction.prediction)
        self.joined += 1
        if self.joined == self.predictions:
            tell(predictions=self.seen, outcomes=self.joined)
