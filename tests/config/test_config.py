"""Settings as loaded, contracts of a folder."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.config import NEEDED_BY_RUN, contract_files, json_schema, load, load_contracts
from anchorwatch.errors import ConfigError, ContractError

CONTRACT = "contract: 1\nmodel: {}\ntask: binary\nowner: {{team: t}}\nlabels: {{classes: [pass, block]}}\n"
KAFKA = {"ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS": "k:9092"}


def write(folder: Path, text: str) -> Path:
    file = folder / "anchorwatch.yaml"
    file.write_text(text)
    return file


def problems(folder: Path, text: str, env: dict[str, str] | None = None, **how: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text), env or {}, **how)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file of the developer's own folder is read."""
    monkeypatch.chdir(tmp_path)


def test_a_variable_is_enough_to_begin() -> None:
    settings = load(None, KAFKA)

    assert settings.kafka == {"bootstrap.servers": "k:9092"}
    assert (settings.window, settings.lateness, settings.grace, settings.cut) == (10_000, 5_000, 30_000, 1_000)
    assert (settings.topics.prefix, settings.topics.partitions, settings.topics.replication) == ("anchorwatch.", 12, 3)
    assert settings.join.pending.max == 512_000_000
    assert settings.pages_per_month == 1
    assert settings.clock == "wall"
    assert settings.run.port == 6066
    assert settings.routes["default"].sinks == ("log",)
    assert settings.contracts == Path("contracts")


def test_flag_over_variable_over_file_over_default(tmp_path: Path) -> None:
    file = write(tmp_path, "kafka: {bootstrap.servers: file}\nwindow: 1s\nlateness: 1s\ngrace: 1s\n")
    env = {"ANCHORWATCH__WINDOW": "2s", "ANCHORWATCH__LATENESS": "2s"}

    settings = load(file, env, {"window": "3s"})

    assert (settings.window, settings.lateness, settings.grace, settings.cut) == (3_000, 2_000, 1_000, 1_000)
    origins = {key: origin.replace(f"{tmp_path}/", "") for key, _, origin in settings.rows()}
    assert origins["window"] == "command line"
    assert origins["lateness"] == "$ANCHORWATCH__LATENESS"
    assert origins["grace"] == "anchorwatch.yaml:4"
    assert origins["cut"] == "default"


def test_the_file_is_named_or_lies_in_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path, "kafka: {bootstrap.servers: here}\n")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "other.yaml").write_text("kafka: {bootstrap.servers: there}\ncontracts: models\n")

    assert load(None, {}).kafka["bootstrap.servers"] == "here"
    there = load(None, {"ANCHORWATCH_SETTINGS": "there/other.yaml"})
    assert there.kafka["bootstrap.servers"] == "there"
    assert there.contracts == Path("there/models")
    with pytest.raises(ConfigError, match=r"cannot read settings missing.yaml: No such file"):
        load("missing.yaml", {})


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = """\
kafka: {group.id: x, ssl.key.password: hunter2}
windw: 10s
lateness: 5
window: 1000d
cut: 1h
clock: sun
pages_per_month: 0
topics: {prefix: a_b, names: {alert.state: x}}
sinks: {pager: {kind: pagerduty}, hook: {kind: webhook}, bad: {kind: webhook, url: "ftp://hunter2"}}
routes: {night: {sinks: [pagr]}}
"""
    told = problems(tmp_path, text)

    assert [line.replace(" (anchorwatch.yaml:", "@").rstrip(")") for line in told] == [
        "kafka.ssl.key.password: a secret does not stand in this file; write ${VARIABLE}, or {file: /path/to/it}@1",
        (
            "kafka.bootstrap.servers: is needed: host:port of Kafka; write it in anchorwatch.yaml, set "
            "ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS or say --bootstrap@1"
        ),
        "kafka.group.id = x: Anchorwatch sets this itself, exact counts rest on it; leave it out@1",
        'windw = 10s: unknown key; did you mean "window"?@2',
        "lateness = 5: write a unit: 5ms, 5s, 5m, 5h or 5d@3",
        "window = 1000d: must be 100ms..1d@4",
        "cut = 1h: must be 10ms..1m@5",
        "clock = sun: must be wall or events@6",
        "pages_per_month = 0: must be above 0, at most 1000@7",
        "topics.prefix = a_b: must be letters, digits, '.' and '-', at most 100; '_' and '.' are one character in Kafka's metric names@8",
        'topics.names.alert.state = x: is no standard topic; did you mean "alerts.state"?@8',
        "sinks.pager.kind = pagerduty: no such kind of sink; known: alertmanager, log, webhook@9",
        "sinks.hook.url: is needed for kind: webhook@9",
        "sinks.bad.url = ***: must be an address that begins with http:// or https://@9",
        'routes.night.sinks[0] = pagr: no such sink; did you mean "pager"?@10',
    ]


def test_what_run_needs_is_asked_for_by_run_alone(tmp_path: Path) -> None:
    text = "kafka: {bootstrap.servers: k}\n"

    assert problems(tmp_path, text, needs=NEEDED_BY_RUN) == [
        "fallback_owner: is needed: who hears of models that nobody owns (a group or a mail address) (anchorwatch.yaml:1)"
    ]
    assert load(write(tmp_path, text), {}).fallback_owner == ""
    assert load(write(tmp_path, "window: 1s\n"), {}, needs=()).kafka == {}


def test_a_removed_or_foreign_key_says_what_to_write(tmp_path: Path) -> None:
    assert problems(tmp_path, "bootstrap_servers: k\nkafka: {bootstrap.servers: k}\n") == [
        "bootstrap_servers = k: is not a key; write kafka: {bootstrap.servers: …} (anchorwatch.yaml:1)"
    ]


def test_a_wrong_variable_is_named_by_its_own_name(tmp_path: Path) -> None:
    told = problems(tmp_path, "kafka: {bootstrap.servers: k}\n", {"ANCHORWATCH__WINDW": "3s", "ANCHORWATCH__CUT": "3"})

    assert told == [
        "cut = 3: write a unit: 3ms, 3s, 3m, 3h or 3d ($ANCHORWATCH__CUT)",
        'windw = 3s: unknown key; did you mean "window"? ($ANCHORWATCH__WINDW)',
    ]


def test_no_secret_is_shown_anywhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    text = """\
kafka: {bootstrap.servers: k, sasl.username: ann, sasl.password: "${P}", ssl.key.pem: "${P}"}
sinks:
  hook: {kind: webhook, url: "https://u:hunter2@hooks.example:8443/hunter2?x=hunter2"}
  page: {kind: webhook, url: "https://pager.example", token: {file: token}}
"""
    settings = load(write(tmp_path, text), {"P": "hunter2"})

    assert settings.kafka["sasl.password"] == "hunter2"
    token = settings.sinks["page"].token
    assert token is not None
    assert token.get_secret_value() == "hunter2"
    rows = list(settings.rows())
    assert "hunter2" not in f"{settings!r} {settings} {rows}"
    assert ("sinks.hook.url", "https://hooks.example:8443/***") in [row[:2] for row in rows]
    assert "hunter2" not in "".join(problems(tmp_path, text + "window: 0s\nkafka2: 1\n", {"P": "hunter2\n"}))


def test_alerts_go_to_every_sink_when_no_route_is_named(tmp_path: Path) -> None:
    text = "kafka: {bootstrap.servers: k}\nsinks: {a: {kind: log}, b: {kind: log}}\nroutes: {night: {sinks: [b], owners: [x]}}\n"

    routes = load(write(tmp_path, text), {}).routes

    assert routes["default"].sinks == ("a", "b")
    assert routes["night"].owners == ("x",)


variables = st.sampled_from(["WINDOW", "KAFKA", "KAFKA__X", "TOPICS__PREFIX", "SINKS__A__KIND", "ROUTES__A", "", "__", "A__B__C"])
contents = st.text(st.characters(exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["{a: 1}", "[x]", "{", "[", "~", "log", "&a [*a]"]
)


@given(st.dictionaries(variables, contents, max_size=4))
def test_any_variables_end_in_settings_or_a_config_error(env: dict[str, str]) -> None:
    try:
        load(None, {f"ANCHORWATCH__{name}": value for name, value in env.items()}, needs=())
    except ConfigError as error:
        told = str(error)
    else:
        told = "fine"

    assert told


def test_settings_fit_their_schema(tmp_path: Path) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    written = {
        "kafka": {"bootstrap.servers": "k", "sasl.password": "${P}", "enable.idempotence": True},
        "window": "10s",
        "join": {"pending": {"max": "64MiB"}},
        "sinks": {"a": {"kind": "webhook", "url": "http://x/", "token": {"file": "t"}}},
    }

    jsonschema.validate(written, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "windw": "1s"}, schema)
    (tmp_path / "t").write_text("x")
    assert load(write(tmp_path, json.dumps(written)), {"P": "x"}).kafka["enable.idempotence"] == "true"


def test_contracts_of_a_folder_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(CONTRACT.format("b"))
    (tmp_path / "a.yml").write_text(CONTRACT.format("a"))
    (tmp_path / ".hidden.yaml").write_text("x")
    (tmp_path / "notes.txt").write_text("x")

    found = load_contracts(tmp_path)

    assert [(contract.key, Path(origin).name) for contract, origin in found] == [("prod/a", "a.yml"), ("prod/b", "b.yaml")]
    assert [file.name for file in contract_files(tmp_path)] == ["a.yml", "b.yaml"]


def test_problems_of_all_contracts_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CONTRACT.format("a").replace("task: binary", "task: binery"))
    (tmp_path / "b.yaml").write_text(CONTRACT.format("b"))
    (tmp_path / "c.yaml").write_text(CONTRACT.format("b"))
    (tmp_path / "d.yaml").write_text(CONTRACT.format("d") + "source: {outcomes: {format: seldon}}\n")
    (tmp_path / "e.yaml").write_bytes(CONTRACT.format("e").encode() + b"# caf\xe9\n")

    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)

    assert [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems] == [
        "task = binery: must be binary, multiclass or regression (a.yaml:3)",
        "model = b: prod/b stands in b.yaml too; keep one (c.yaml)",
        (
            "source.outcomes.format = seldon: not in this version; it reads native, json, kserve, oip, sagemaker: "
            "say with json and fields where each value stands (d.yaml:6)"
        ),
        "contract e.yaml: is not UTF-8 (e.yaml:6); save it as UTF-8",
    ]


def test_a_contract_without_owner_is_read_for_the_judge_only(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CONTRACT.format("a").replace("owner: {team: t}\n", ""))

    with pytest.raises(ContractError, match=r"owner\.team: is needed"):
        load_contracts(tmp_path)
    assert load_contracts(tmp_path, owned=False)[0][0].owner.team == ""


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="cannot read the folder of contracts nowhere: No such file or directory; set contracts"):
        load_contracts("nowhere")


def test_a_sink_has_one_authorization(tmp_path: Path) -> None:
    write(tmp_path, 'kafka: {bootstrap.servers: b}\nsinks: {hook: {kind: webhook, url: "${URL}", token: "${TOKEN}"}}\n')
    variables = {"URL": "https://user:hunter2@hooks.example/x", "TOKEN": "hunter2"}

    with pytest.raises(ConfigError, match=r"sinks\.hook\.token.*names a user already") as caught:
        load(None, variables)
    assert "hunter2" not in str(caught.value)


def test_a_hook_is_shown_with_its_secret_masked_and_one_in_the_file_is_refused() -> None:
    settings = load(None, {"ANCHORWATCH__HOOKS__LAUNCHDARKLY__SECRET": "hunter22"}, {"kafka.bootstrap.servers": "b:9092"})
    shown = {key: (value, origin) for key, value, origin in settings.rows()}

    assert shown["hooks.launchdarkly.secret"] == ("***", "$ANCHORWATCH__HOOKS__LAUNCHDARKLY__SECRET")
    assert shown["hooks.launchdarkly.environments.production"] == ("prod", "default")
    assert "hunter22" not in str(shown) + repr(settings)


def test_a_hooks_secret_does_not_stand_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "anchorwatch.yaml"
    file.write_text('kafka: {bootstrap.servers: "b:9092"}\nhooks: {mlflow: {secret: hunter22}}\n')

    with pytest.raises(ConfigError, match=r"hooks\.mlflow\.secret.*does not stand in this file") as caught:
        load(file, {})

    assert "hunter22" not in str(caught.value)
