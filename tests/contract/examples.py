"""Contracts as people write them."""

SMALL = """\
contract: 1
model: fraud
task: binary
owner: {team: group:default/risk-ml}
labels: {classes: [pass, block]}
"""

FULL = """\
# a comment
contract: 1
model: fraud
environment: prod
task: binary
timezone: Europe/Berlin
owner:
  team: group:default/risk-ml
  escalation: [{to: risk-oncall, after: 0m}, {to: head-of-risk, after: 30m}]
  tuner: user:default/ann
  runbook: https://wiki.example/fraud
source:
  predictions: {topic: payments.scored, format: native, fields: {prediction_id: payment_id}}
  outcomes: {topic: payments.settled}
  decisions: {topic: payments.actions}
  flags: [fraud-model-on]
labels:
  classes: [pass, block]
  positive: block
  delay: {typical: 3d, late: 45d, final: 60d}
  after_final: unknown
  hidden_when: {prediction: block}
  explored: {arm: baseline, share: 0.01}
decisions: {block: decline, pass: authorise}
features:
  amount:     {type: number, unit: EUR, range: [0, 50000], missing_max: 0.001}
  risk_30d:   {type: number, stale_after: 24h, missing_max: 0.02}
  country:    {type: category, values_max: 200}
  card_hash:  {type: category, private: true, watch: false}
segments:
  by: [country, tier, [country, tier]]
  always: [country=NO, tier=gold, "tier=gold,country=DE"]
  discover: 200
reference: {window: [2026-09-01, 2026-09-29], season: week}
baseline:
  nothing: pass
  value: {unit: EUR, true_block: 45, false_block: -12, missed_block: -60, true_pass: 0}
promises:
  latency: {inference_p99: 80ms, end_to_end_p99: 500ms}
  quality: {metric: f1, at_least: 0.70, tolerate: 0.02, in_every_segment: true}
  labels: {coverage_at_least: 0.80, by: 45d}
  impact: {followed_at_least: 0.60, within: 1h}
  alive: {silent_after: 5m, siblings: [payments.authorised]}
budget: {weight: 2}
watches: {impact: {disabled: "decision events start in March", until: 2027-03-01}, quality: {detectors: [adwin]}}
"""
