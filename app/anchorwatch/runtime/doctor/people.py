"""Who is told? Contracts, owners, routes, sinks: an alert that reaches nobody is none."""

from collections import Counter
from collections.abc import Iterator

from anchorwatch.contract import Contract, disputes, unsupported
from anchorwatch.events import MODEL_NAME
from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, several

PLACEHOLDER = "nobody-yet"  # what `init` writes where no owner was named


def look(facts: Facts) -> Iterator[Told]:
    told = [*_contracts(facts), *_owners(facts)]
    yield from told
    if facts.contracts and not told:
        n = len(facts.contracts)
        yield fine("owners", f"contracts {n} {'model' if n == 1 else 'models'}, all owned")
    yield from _strangers(facts)
    yield from _sinks(facts)


def _contracts(facts: Facts) -> Iterator[Told]:
    if not facts.contracts:
        yield fault("contracts", "no contract: nothing is watched", "anchorwatch init --topic TOPIC writes one from what the topic holds")
    for contract in facts.contracts:
        for reason in unsupported(contract):
            yield fault("contracts", f"{contract.key}: {reason.partition('; ')[0]}", reason.partition("; ")[2] or "correct the contract")
    for dispute in disputes(facts.contracts, facts.settings.topic):
        what, _, fix = dispute.partition("; write")
        yield fault("contracts", what, f"write{fix}")
    learning = [c.key for c in facts.contracts if c.key in facts.applied and not facts.applied[c.key]]
    if learning:
        yield note(
            "contracts",
            f"still learning, only promises are judged: {several(learning)}",
            "it goes on by itself (`anchorwatch status` says how far it is); anchorwatch apply CONTRACT --reference FILE is quicker",
        )
    waiting = [c.key for c in facts.contracts if c.key not in facts.applied]
    if waiting:
        yield note("contracts", f"not applied yet, learning by itself: {several(waiting)}", "anchorwatch apply CONTRACT is quicker")


def _owners(facts: Facts) -> Iterator[Told]:
    nobody = [c.key for c in facts.contracts if not c.owner.team or PLACEHOLDER in c.owner.team]
    if nobody:
        yield fault("owners", f"nobody owns {several(nobody)}", "owner: {team: group:default/THE-TEAM} in the contract")
    if not facts.settings.fallback_owner or PLACEHOLDER in facts.settings.fallback_owner:
        yield fault(
            "owners",
            f"fallback_owner is {facts.settings.fallback_owner or 'empty'}: `run` needs somebody who hears of what nobody owns",
            "fallback_owner: group:default/platform in anchorwatch.yaml",
        )
    for contract in facts.contracts:
        unknown = [step.to for step in contract.owner.escalation if step.to not in facts.settings.routes]
        if unknown:
            yield fault(
                "routes",
                f"{contract.key} escalates to {several(unknown)}, which is no route",
                f"routes: {{{unknown[0]}: {{sinks: [...]}}}} in anchorwatch.yaml",
            )


def _strangers(facts: Facts) -> Iterator[Told]:
    """Models that send predictions and have no contract."""
    for feed in facts.feeds:
        sample = facts.sample(feed.topics["predictions"])
        known = {contract.model for contract in facts.contracts}
        models = Counter(seen.model for seen in sample.records)
        own = _only(feed.contracts)
        none = models.pop("", 0)
        if none and not own and none > 0.01 * len(sample.records):
            yield fault(
                "models",
                f"{sample.topic}: {none / len(sample.records):.0%} of the records name no model",
                "send model, or give the topic to one contract alone",
            )
        for name, n in models.most_common(20):
            if not MODEL_NAME.fullmatch(name):
                yield fault(
                    "models",
                    f"{sample.topic}: model {name[:64]!r} is no name that a contract may have ({n:,} records)",
                    "small letters, digits, '.', '_', '-', at most 63",
                )
            elif name not in known:
                yield fault(
                    "models",
                    f"{name} sends predictions and has no contract ({n:,} of {len(sample.records):,} records)",
                    f"anchorwatch init --topic {sample.topic} --model {name}",
                )


def _only(contracts: tuple[Contract, ...]) -> bool:
    return len({contract.model for contract in contracts}) == 1


def _sinks(facts: Facts) -> Iterator[Told]:
    for address in facts.addresses:
        if address.trouble and address.origin.startswith("sinks."):
            yield fault(
                "sinks",
                f"{address.origin} at {address.place}: {address.trouble}",
                "correct its url, or start the receiver; alerts wait for it, the others go on",
            )
    default = facts.settings.routes["default"]
    kinds = {facts.settings.sinks[name].kind for name in default.sinks if name in facts.settings.sinks}
    for name, route in facts.settings.routes.items():
        if lost := [sink for sink in route.sinks if sink not in facts.settings.sinks]:
            yield fault(
                "routes",
                f"route {name} names {several(lost)}, which is no sink",
                f"sinks: {{{lost[0]}: {{kind: webhook, url: ...}}}} in anchorwatch.yaml",
            )
    if kinds <= {"log"}:
        yield note(
            "sinks", "alerts go to the log alone", "sinks: {pager: {kind: alertmanager, url: http://alertmanager:9093}} in anchorwatch.yaml"
        )
    elif not any(a.trouble for a in facts.addresses if a.origin.startswith("sinks.")):
        yield fine("sinks", f"sinks {', '.join(sorted(kinds))}")
