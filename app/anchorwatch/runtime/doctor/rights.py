"""May this user do what `run` does, and no more? An empty list from Kafka is no proof of anything: without the right to ask it is empty."""

from collections.abc import Iterator

from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, several, unseen

READ = ("observations", "contracts", "flags", "commands", "alerts.events", "alerts.state")
WRITE = ("observations", "dead-letters", "findings", "alerts.events", "alerts.state")
TOO_MUCH = frozenset(("DELETE", "ALTER"))
SEE_ALL = "`anchorwatch doctor --acl` prints what each role needs"


def needed(facts: Facts) -> dict[str, frozenset[str]]:
    """Topic -> READ, WRITE, for the user of `run`."""
    found: dict[str, set[str]] = {topic: {"READ"} for topic in (*facts.sources(), *facts.siblings())}
    for operation, names in (("READ", READ), ("WRITE", WRITE)):
        for name in names:
            found.setdefault(facts.settings.topic(name), set()).add(operation)
    if facts.settings.hooks_on:
        found[facts.settings.topic("flags")].add("WRITE")
    for name in (*facts.rekeyed(), *(name for name in facts.topics if name.endswith("-changelog"))):
        found[name] = {"READ", "WRITE"}
    return {topic: frozenset(operations) for topic, operations in found.items()}


def look(facts: Facts) -> Iterator[Told]:
    missing = [
        f"{operation} on {name}"
        for name, wanted in needed(facts).items()
        if (rights := facts.topic(name).rights) is not None
        for operation in sorted(wanted - rights)
    ]
    hidden = [name for name in needed(facts) if "authoriz" in facts.topic(name).trouble.lower()]
    if hidden:
        yield fault("rights", f"not for this user: {several(hidden)}", f"grant READ (DESCRIBE comes with it); {SEE_ALL}")
    if missing:
        yield fault("rights", f"this user lacks {several(missing)}", f"grant it to the user of `run`; {SEE_ALL}")
    refused = [group.name for group in facts.groups if "authoriz" in group.trouble.lower()]
    if refused:
        yield fault(
            "rights",
            f"this user may not use the groups {several(refused)}",
            f"READ on groups that begin with {facts.settings.topics.prefix}; {SEE_ALL}",
        )
    if facts.transactions:
        yield fault(
            "rights",
            f"no transactions under {facts.settings.topics.prefix}judge-: {facts.transactions}",
            f"WRITE on transactional ids that begin with {facts.settings.topics.prefix}judge-; {SEE_ALL}",
        )
    if not (missing or hidden or refused or facts.transactions):
        yield fine("rights", "rights to read, write, commit and use transactions")
    yield from _acls(facts)


def _acls(facts: Facts) -> Iterator[Told]:
    config = facts.broker_config
    if config is not None and not config.get("authorizer.class.name"):
        yield note(
            "acls",
            "Kafka has no authorizer: whoever reaches it may write contracts, commands and alerts",
            "set authorizer.class.name and the ACLs of `anchorwatch doctor --acl`",
        )
        return
    if facts.acls is None or (facts.acls == 0 and "DESCRIBE" not in (facts.cluster_rights or ())):
        yield unseen(
            "acls", "ACLs: Kafka shows this user none, which is not the same as none", "DESCRIBE on the cluster, for `doctor` alone"
        )
        return
    yield fine("acls", f"acls {facts.acls}")
    much = [name for name in facts.sources() if (facts.topic(name).rights or frozenset()) >= TOO_MUCH]
    if much:
        yield note(
            "rights",
            f"this user may also delete and alter {several(much)}",
            f"give `run` a user of its own with the least rights; {SEE_ALL}",
        )
