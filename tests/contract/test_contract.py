"""The front door: text in, contract out, every problem at once."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.examples import FULL, SMALL

from anchorwatch.contract import Catalogue, Contract, check, from_json, json_schema, not_judged, parse, to_json, unsupported
from anchorwatch.errors import ContractError

ORIGIN = "contracts/fraud.yaml"


def problems(text: str, **how: Any) -> list[str]:
    with pytest.raises(ContractError) as caught:
        parse(text, ORIGIN, **how)
    return caught.value.problems


def test_the_smallest_contract_has_a_default_for_all_else() -> None:
    contract = parse(SMALL, ORIGIN)

    assert contract.key == "prod/fraud"
    assert contract.labels.positive == "block"
    assert contract.labels.delay.final == 7 * 86_400_000
    assert contract.reference.window is None
    assert (contract.reference.last, contract.reference.lag) == (28 * 86_400_000, 7 * 86_400_000)
    assert contract.budget.weight == 1
    assert contract.source.predictions.topic is None
    assert contract.features == {}


def test_every_key_of_the_design_is_read() -> None:
    contract = parse(FULL, ORIGIN)

    assert contract.labels.delay.late == 45 * 86_400_000
    assert contract.features["amount"].range == (0.0, 50_000.0)
    assert contract.features["risk_30d"].stale_after == 86_400_000
    assert contract.features["card_hash"].private
    assert not contract.features["card_hash"].watch
    assert contract.segments.by == (("country",), ("tier",), ("country", "tier"))
    assert contract.segments.always == ("country=NO", "tier=gold", "country=DE,tier=gold")
    assert contract.promises.latency.inference_p99 == 80
    assert contract.promises.latency.inference_p50 is None
    assert contract.promises.quality is not None
    assert contract.promises.quality.at_least == 0.7
    assert contract.promises.alive.silent_after == 300_000
    assert contract.owner.escalation[1].after == 1_800_000
    assert contract.watches["quality"].detectors == ("adwin",)
    assert contract.source.flags == ("fraud-model-on",)


def test_dates_mean_midnight_of_the_contracts_own_time_zone() -> None:
    """2026-09-01 00:00 in Berlin is 22:00 UTC of the day before."""
    assert parse(FULL, ORIGIN).reference.window == (1_788_213_600_000, 1_790_632_800_000)


def test_a_contract_survives_json_and_keeps_its_id() -> None:
    for text in (SMALL, FULL):
        contract = parse(text, ORIGIN)

        again = from_json(json.loads(json.dumps(to_json(contract))), "contracts topic")

        assert again == contract
        assert again.id == contract.id


def test_the_id_is_of_the_content_however_it_is_written() -> None:
    contract = parse(SMALL, ORIGIN)

    same = parse(SMALL.replace("[pass, block]", '["pass", "block"]') + "environment: prod\nbudget: {weight: 1.0}\n", "elsewhere.yaml")
    other = parse(SMALL.replace("[pass, block]", "[block, pass]"), ORIGIN)

    assert same.id == contract.id
    assert other.id != contract.id
    assert len(contract.id) == 16


def test_every_problem_is_told_at_once_each_with_its_line() -> None:
    bad = (
        FULL.replace("80ms", "-5ms")
        .replace("typical: 3d", "typical: 3")
        .replace("discover: 200", "disover: 200")
        .replace("tolerate:", "tolerance:")
        .replace("type: number, unit", "type: numbr, unit")
        .replace("  team: group:default/risk-ml\n", "")
        .replace("positive: block", "positive: blok")
        .replace("weight: 2", "weight: 0")
        .replace("missing_max: 0.02", "missing_max: 2")
    )

    assert problems(bad) == [
        (
            "owner.team: is needed: who is woken (a group, a Backstage reference or a mail address); nothing is alerted without an owner"
            " (contracts/fraud.yaml:7)"
        ),
        'labels.positive = blok: is no class; must be one of labels.classes: did you mean "block"? (contracts/fraud.yaml:18)',
        "labels.delay.typical = 3: write a unit: 3ms, 3s, 3m, 3h or 3d (contracts/fraud.yaml:19)",
        "features.amount.type = numbr: must be number, category, text or bool (contracts/fraud.yaml:25)",
        "features.risk_30d.missing_max = 2: must be a share, 0..1; write 0.02 for 2 % (contracts/fraud.yaml:26)",
        'segments.disover = 200: unknown key; did you mean "discover"? (contracts/fraud.yaml:32)',
        "promises.latency.inference_p99 = -5ms: must be above 0 (contracts/fraud.yaml:38)",
        "promises.quality.tolerance = 0.02: is not a key; write tolerate (contracts/fraud.yaml:39)",
        "budget.weight = 0: must be above 0, at most 100 (contracts/fraud.yaml:43)",
    ]


def test_a_missing_owner_is_a_problem_but_the_running_judge_may_take_it() -> None:
    ownerless = SMALL.replace("owner: {team: group:default/risk-ml}\n", "")

    assert "owner.team: is needed" in problems(ownerless)[0]
    assert parse(ownerless, ORIGIN, owned=False).owner.team == ""


def test_needed_keys_are_named_with_what_to_write() -> None:
    told = problems("labels: {classes: [a, b]}\n")

    assert [line.partition(":")[0] for line in told] == ["contract", "model", "task", "owner.team"]
    assert "write contract: 1" in told[0]
    assert "binary, multiclass or regression" in told[2]


def test_norway_stays_norway() -> None:
    """Field case C07: YAML 1.1 reads NO, no, off, 010, 12:30 and dates as something else than was written."""
    text = """\
contract: 1
model: norway
task: multiclass
owner: {team: on}
labels: {classes: [yes, no, NO, off, 12:30, 2026-09-01, 010, 0x1f, 1_000, 01321, y, 5, true]}
features: {on: {type: bool}, no: {type: category}, 12:30: {type: number}, true: {type: text}}
segments: {by: [country, plz], always: [country=NO, plz=01321]}
"""
    contract = parse(text, ORIGIN)

    assert contract.labels.classes == ("yes", "no", "NO", "off", "12:30", "2026-09-01", "010", "0x1f", "1_000", "01321", "y", "5", "true")
    assert list(contract.features) == ["on", "no", "12:30", "true"]
    assert contract.segments.always == ("country=NO", "plz=01321")
    assert contract.owner.team == "on"
    assert from_json(to_json(contract), ORIGIN) == contract


@pytest.mark.parametrize("nothing", ["null", "~", "Null", "NULL"])
def test_a_class_that_yaml_calls_nothing_must_be_quoted(nothing: str) -> None:
    three = SMALL.replace("binary", "multiclass")

    told = problems(three.replace("pass, block", f"pass, block, {nothing}"))
    quoted = parse(three.replace("pass, block", f'pass, block, "{nothing}"'), ORIGIN)

    assert told == [
        (
            f'labels.classes[2] = {nothing}: means "nothing" in YAML; if it is a text, quote it: "{nothing}"; else leave the key out '
            "(contracts/fraud.yaml:5)"
        )
    ]
    assert quoted.labels.classes[2] == nothing


@pytest.mark.parametrize(("written", "compared"), [("1e3", "1000"), ("1.0", "1"), ("-0", "0"), ("0.50", "0.5")])
def test_a_number_that_no_event_would_match_as_a_class_must_be_quoted(written: str, compared: str) -> None:
    told = problems(SMALL.replace("pass, block", f"pass, {written}"))

    assert told == [
        (
            f"labels.classes[1] = {written}: as a number it is compared as {compared}: write {compared}, "
            f'or quote it if it is a text: "{written}" (contracts/fraud.yaml:5)'
        ),
    ]
    assert parse(SMALL.replace("pass, block", f'pass, "{written}"'), ORIGIN).labels.classes[1] == written


def test_only_true_and_false_are_switches() -> None:
    told = problems(SMALL + "features: {a: {type: number, private: yes}, b: {type: number, watch: 'true'}}\n")

    assert told == [
        "features.a.private = yes: must be true or false (contracts/fraud.yaml:6)",
        "features.b.watch = true: must be true or false, without quotes (contracts/fraud.yaml:6)",
    ]


def test_names_of_watches_detectors_and_formats_are_checked_against_the_catalogue() -> None:
    text = SMALL + "watches: {qualty: {detectors: [adwn]}, latency: {detectors: [adwin]}}\nsource: {outcomes: {format: kserv}}\n"

    told = problems(text, catalogue=Catalogue(detectors=frozenset({"adwin", "kswin"})))

    assert told == [
        'watches.qualty: no such watch; did you mean "quality"? (contracts/fraud.yaml:6)',
        'watches.qualty.detectors[0] = adwn: no such detector; did you mean "adwin"? (contracts/fraud.yaml:6)',
        'source.outcomes.format = kserv: no such format; did you mean "kserve"? (contracts/fraud.yaml:7)',
    ]


def test_check_refuses_what_this_version_would_read_wrongly() -> None:
    text = SMALL + "source:\n  predictions: {format: seldon, keyed: false}\n  outcomes: {fields: {label: verdict}}\n"

    with pytest.raises(ContractError) as caught:
        check(text, ORIGIN)

    assert [line.partition(";")[0].partition(" version")[0] + " version" for line in caught.value.problems] == [
        "source.predictions.format = seldon: not in this version",
    ]
    assert len(unsupported(parse(text, ORIGIN))) == 1


def test_check_says_what_is_filled_in_and_what_is_not_judged() -> None:
    checked = check(SMALL + "source: {decisions: {topic: done}}\n", ORIGIN)

    assert "labels.positive = block: the second class" in checked.defaulted
    assert checked.not_judged == [
        "source.decisions without decisions or promises.impact.followed_at_least is accepted, but not judged in this version"
    ]
    assert not_judged(checked.contract) == checked.not_judged


def test_json_of_a_stranger_is_refused_with_its_origin() -> None:
    with pytest.raises(ContractError) as caught:
        from_json({**to_json(parse(SMALL, ORIGIN)), "labels": {"classes": ["a", 1]}, "budget": {"weight": "1"}}, "contracts-0@17")

    assert caught.value.problems == [
        "labels.classes[1] = 1: must be text, quote it (contracts-0@17)",
        "budget.weight = 1: must be a number, without quotes (contracts-0@17)",
    ]


def test_what_to_json_writes_fits_the_schema() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    for text in (SMALL, FULL):
        jsonschema.validate(to_json(parse(text, ORIGIN)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**to_json(parse(SMALL, ORIGIN)), "segmnts": {}}, schema)


words = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(str.strip)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
spans = st.integers(1, 10_000_000_000)
shares = st.floats(0, 1)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """Any contract as JSON; unusual names, all kinds of optional parts."""
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    classes = [] if task == "regression" else draw(st.lists(words, min_size=2, max_size=2 if task == "binary" else 5, unique=True))
    typical, late, final = sorted(draw(st.lists(spans, min_size=3, max_size=3)))
    by = draw(st.lists(st.lists(names, min_size=1, max_size=3, unique=True).map(tuple), max_size=4, unique_by=frozenset))
    features = draw(
        st.dictionaries(words, st.fixed_dictionaries({"type": st.sampled_from(["number", "text"]), "missing_max": shares}), max_size=4)
    )
    content: dict[str, Any] = {
        "contract": 1,
        "model": draw(names),
        "task": task,
        "owner": {"team": draw(words)},
        "labels": {"classes": classes, "delay": {"typical": f"{typical}ms", "late": f"{late}ms", "final": f"{final}ms"}},
        "features": features,
        "segments": {"by": [list(name) for name in by], "always": [",".join(f"{n}=x" for n in reversed(name)) for name in by]},
    }
    if classes:
        content["labels"]["positive"] = draw(st.sampled_from(classes))
        content["promises"] = {"quality": {"metric": "accuracy", "at_least": draw(shares)}}
    return content


@given(contents())
def test_any_contract_survives_json(content: dict[str, Any]) -> None:
    contract = from_json(content, "drawn")

    again = from_json(json.loads(json.dumps(to_json(contract))), "again")

    assert again == contract
    assert again.id == contract.id
    assert isinstance(again, Contract)


def parsed_or_problems(text: str) -> Contract | list[str]:
    try:
        return parse(text, ORIGIN)
    except ContractError as error:
        return error.problems


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The full contract with a few pieces cut out, repeated or replaced."""
    text = FULL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        pieces = st.sampled_from(
            ["", "null", "~", "&a", "*a", "- ", ": ", "{", "]", "\t", "\n", "!!int 3", "<<: ", "'", '"\\U0FFFFFFF"', "..."]
        )
        text = text[:start] + draw(st.one_of(pieces, st.text(max_size=8), st.just(text[start:end] * 2))) + text[end:]
    return text


@settings(max_examples=300)
@given(damaged())
def test_damage_ends_in_a_contract_or_in_problems_and_nothing_else(text: str) -> None:
    found = parsed_or_problems(text)

    if isinstance(found, list):
        assert found
        assert all("\n" not in problem and ORIGIN in problem for problem in found)
    else:
        assert from_json(to_json(found), ORIGIN) == found


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*Contract.model_fields, "type", "by", "quality", "classes", "x"]), inner, max_size=4)
        ),
    )
)
def test_any_json_ends_in_a_contract_or_in_problems(content: Any) -> None:
    with pytest.raises(ContractError):
        from_json(content, "drawn")
