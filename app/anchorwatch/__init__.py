"""Anchorwatch: the crew that stays awake over machine-learning models in production.

Follow one event:

1. a service writes a `Prediction` (events/; client/ helps) to Kafka
2. engine/ hands it, in a batch, to a Faust agent of the ingest stage
3. sources/native/ decodes it, or says why it goes to the dead letters
4. stages/ingest.py joins it with its outcome and counts it, per segment and window (watches/*.py: `count`)
5. the window's block crosses the topic `observations` to the judge stage
6. stages/judge.py adds the blocks up and asks every monitor (watches/*.py: `monitors`; estimators/: evidence)
7. alerting/ turns evidence at its mark into one alert with an owner; sinks/ carry it out, telemetry/ draws the trace
"""

__version__ = "0.1.0"
