"""What one setting says about another."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from anchorwatch import sinks
from anchorwatch.config.model import OURS, TOPICS, Settings
from anchorwatch.config.secrets import is_hidden
from anchorwatch.contract.faults import Fault, Kind, Rule, nearest
from anchorwatch.contract.reading import Path
from anchorwatch.sources import hooks

SECRET_MIN = 8  # characters of what strangers may try to guess
REMOVED: dict[Path, str] = {
    ("bootstrap",): "write kafka: {bootstrap.servers: …}",
    ("bootstrap_servers",): "write kafka: {bootstrap.servers: …}",
    ("brokers",): "write kafka: {bootstrap.servers: …}",
    ("budget",): "write pages_per_month: the false pages a month that the fleet may cost",
    ("owner",): "write fallback_owner; a model's own owner stands in its contract",
    ("join.pending.max",): "write join: {pending: {max: 512MB}}",
    ("topics.prefix",): "write topics: {prefix: …}",
}


def kind(needs: tuple[Path, ...]) -> Kind[Settings]:
    rules: tuple[Rule[Settings], ...] = (
        Rule((), lambda settings: _needed(settings, needs)),
        Rule((("kafka",), ("group",)), _ours),
        Rule((("topics", "names"),), _topics),
        Rule((("topics", "names"),), _distinct),
        Rule((("routes",), ("sinks",)), _routes),
        Rule((), _sinks),
        Rule((("hooks",),), _hooks),
    )
    return Kind(Settings, rules, REMOVED, {}, is_hidden)


def _needed(settings: Settings, needs: tuple[Path, ...]) -> Iterator[Fault]:
    if ("kafka", "bootstrap.servers") in needs and not settings.kafka.get("bootstrap.servers"):
        yield (
            ("kafka", "bootstrap.servers"),
            "is needed: host:port of Kafka; write it in anchorwatch.yaml, set ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS or say --bootstrap",
        )
    if ("fallback_owner",) in needs and not settings.fallback_owner:
        yield ("fallback_owner",), "is needed: who hears of models that nobody owns (a group or a mail address)"


def _ours(settings: Settings) -> Iterator[Fault]:
    for part, options in (("kafka", settings.kafka), ("group", settings.group)):
        for name in sorted(OURS & options.keys()):
            yield (part, name), "Anchorwatch sets this itself, exact counts rest on it; leave it out"


def _topics(settings: Settings) -> Iterator[Fault]:
    for name in settings.topics.names:
        if name not in TOPICS:
            yield ("topics", "names", name), f"is no standard topic; {nearest(name, TOPICS)}"


def _distinct(settings: Settings) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for name in TOPICS:
        other = taken.setdefault(settings.topic(name), name)
        if other != name:
            at = name if name in settings.topics.names else other
            yield ("topics", "names", at), f"{other} and {name} would be one topic; name them apart"


def _routes(settings: Settings) -> Iterator[Fault]:
    for name, route in settings.routes.items():
        for number, sink in enumerate(route.sinks):
            if sink not in settings.sinks:
                yield ("routes", name, "sinks", number), f"no such sink; {nearest(sink, settings.sinks)}"


def _sinks(settings: Settings) -> Iterator[Fault]:
    for name, sink in settings.sinks.items():
        at: Path = ("sinks", name)
        if sink.kind not in sinks.names():
            yield (*at, "kind"), f"no such kind of sink; {nearest(sink.kind, sinks.names())}"
        elif not sinks.load(sink.kind).needs_url:
            if sink.url is not None:
                yield (*at, "url"), f"a sink of kind {sink.kind} has no address; leave it out"
        elif sink.url is None:
            yield (*at, "url"), f"is needed for kind: {sink.kind}"
        elif not _is_http(sink.url):
            yield (*at, "url"), "must be an address that begins with http:// or https://"
        elif sink.token is not None and "@" in urlsplit(sink.url).netloc:
            yield (*at, "token"), "the url names a user already, and a request has one Authorization; leave out one of them"


def _hooks(settings: Settings) -> Iterator[Fault]:
    for name, hook in settings.hooks.items():
        if name not in hooks.names():
            yield ("hooks", name), f"no such provider; {nearest(name, hooks.names())}; for another one write generic"
        elif hook.secret is not None and len(hook.secret.get_secret_value()) < SECRET_MIN:
            yield ("hooks", name, "secret"), f"must have at least {SECRET_MIN} characters: whoever guesses it may switch alerts on and off"


def _is_http(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:
        return False
