"""The demo's world: loan applications as a stream, what would have been right, and a model that was trained on them and then frozen.

Applications come from river's Agrawal generator. Two generators with one seed draw the same applications and differ only in what is right,
so a changed concept moves no input: nobody can see it but by labels.
"""

import random
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from river.datasets.synth import Agrawal
from river.tree import HoeffdingTreeClassifier

MODEL, VERSION = "loan", "7"
FLAG = "loan-model-on"
OWNER = "group:default/lending-risk"
CLASSES = ("decline", "approve")
NUMBERS = ("salary", "commission", "age", "hvalue", "hyears", "loan")
CATEGORIES = ("elevel", "car", "zipcode")
REGIONS = {"north": 0.45, "south": 0.30, "west": 0.22, "islands": 0.03}
CHANNELS = {"web": 0.6, "branch": 0.3, "broker": 0.1}
CONCEPT, NEW_CONCEPT = (
    8,
    5,
)  # of Agrawal's functions: income left after the loan; bands of income by age. They agree on 58 % of applications
NOISE = 0.05
TRAINED_ON = 8_000
LATENCY_MS, LATENCY_SPREAD = 14.0, 0.25  # median of the model's answers, and sigma of its logarithm
LABEL_S = (0.5, 2.5)  # the truth is known so long after the prediction: a life of a loan in seconds

CONTRACT = f"""\
contract: 1
model: {MODEL}
task: binary
owner: {{team: "{OWNER}", runbook: "https://example.org/runbooks/loan"}}
source: {{flags: [{FLAG}]}}
labels:
  classes: [{", ".join(CLASSES)}]
  positive: {CLASSES[1]}
  delay: {{typical: 2s, late: 3s, final: 20s}}
features:
{chr(10).join(f"  {name}: {{type: number}}" for name in NUMBERS)}
{chr(10).join(f"  {name}: {{type: category}}" for name in CATEGORIES)}
segments: {{by: [region, channel], always: [region=islands]}}
promises:
  latency: {{inference_p99: 60ms}}
  alive: {{silent_after: 5s}}
"""


class Application(NamedTuple):
    """One customer asks for a loan."""

    features: dict[str, Any]
    segments: dict[str, str]
    right: str  # the answer that will turn out right
    right_anew: str  # the same under the new concept
    latency_ms: float  # how long the model will think
    label_after_s: float


def applications(seed: int) -> Iterator[Application]:
    """An endless stream; 80 us each."""
    chance = random.Random(seed)
    usual = Agrawal(classification_function=CONCEPT, seed=seed, perturbation=NOISE)
    anew = Agrawal(classification_function=NEW_CONCEPT, seed=seed, perturbation=NOISE)
    regions, channels = (list(of) for of in (REGIONS, CHANNELS))
    region_weights, channel_weights = (list(of.values()) for of in (REGIONS, CHANNELS))
    for (drawn, right), (_, right_anew) in zip(usual, anew, strict=True):
        yield Application(
            features={name: _plain(name, value) for name, value in drawn.items()},
            segments={
                "region": chance.choices(regions, region_weights)[0],
                "channel": chance.choices(channels, channel_weights)[0],
            },
            right=CLASSES[right],
            right_anew=CLASSES[right_anew],
            latency_ms=chance.lognormvariate(0, LATENCY_SPREAD) * LATENCY_MS,
            label_after_s=chance.uniform(*LABEL_S),
        )


def _plain(name: str, value: float) -> Any:
    """As a service would write it: cents and code names, no 17 digits."""
    return f"{name[0]}{value}" if name in CATEGORIES else round(float(value), 2)


class Frozen:
    """A Hoeffding tree, trained once; from then on it only answers. 15 us an answer."""

    def __init__(self, seed: int) -> None:
        self._tree = HoeffdingTreeClassifier(grace_period=100, delta=1e-4)
        for application in islice(applications(seed), TRAINED_ON):
            self._tree.learn_one(application.features, application.right)

    def answer(self, features: Mapping[str, Any]) -> tuple[str, float]:
        """(answer, probability of `approve`). A field that is not there is passed over, as careless services do."""
        shares: dict[str, float] = self._tree.predict_proba_one(dict(features))
        score = min(max(shares.get(CLASSES[1], 0.0), 0.0), 1.0)
        return CLASSES[score >= 0.5], round(score, 6)
