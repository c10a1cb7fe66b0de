"""A proposal as a contract file: every guess with what it was seen in, what is a person's to say as a comment."""

import re
from collections.abc import Iterator, Mapping

from anchorwatch.contract.fields import written
from anchorwatch.contract.values import duration_text
from anchorwatch.events import Role
from anchorwatch.runtime.init.features import Feature
from anchorwatch.runtime.init.opened import JSON
from anchorwatch.runtime.init.proposal import Proposal
from anchorwatch.runtime.init.roles import Found
from anchorwatch.runtime.init.times import Times

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|\$")
RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
SCHEMA = ".anchorwatch/contract.schema.json"


def contract(found: Proposal, times: Times, owner: str, *, owner_named: bool, rekeys: bool = True) -> str:
    """rekeys: this version reads `keyed: false`."""
    lines = [f"# yaml-language-server: $schema={SCHEMA}", *_head(found, times)]
    lines += ["contract: 1", f"model: {text(found.model)}", f"environment: {text(found.environment)}", f"task: {found.task}"]
    who = "" if owner_named else "          # write who is woken: a group, a Backstage reference or a mail address"
    lines += ["owner:", f"  team: {text(owner)}{who}", "  # runbook: https://wiki.example/" + found.model]
    lines += _source(found, rekeys=rekeys)
    lines += _labels(found, times)
    lines += ["features:" if found.features else "# features: {amount: {type: number}}", *map(_feature, found.features)]
    lines += _segments(found)
    lines += _reference(times)
    lines += _promises(times)
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """A YAML scalar that is read back as this text: country NO, code 01321 and 1e3 stay what they are.

    >>> [text(value) for value in ("block", "NO", "01321", "a: b", "payments.scored")]
    ['block', '"NO"', '"01321"', '"a: b"', 'payments.scored']
    """
    if PLAIN.fullmatch(value) and value.lower() not in RESERVED:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _head(found: Proposal, times: Times) -> Iterator[str]:
    yield f"# Written by `anchorwatch init` from the newest {found.rows:,} predictions of {found.topic}" + (
        f" and {found.labelled:,} outcomes of {found.outcomes_topic}." if found.outcomes_topic else "."
    )
    yield f"# {times.readable}"
    others = [f"{name} {share:.0%}" for name, share in found.models.items() if name != found.model][:6]
    if others:
        yield f"# Also on this topic: {comment(', '.join(others))}; each gets a contract of its own: anchorwatch init --model NAME."
    if found.missing:
        yield "# Not found, and what that costs:"
        yield from (f"#   {cost}" for _, cost in found.missing)


def comment(words: str) -> str:
    """In one line."""
    return "".join(c if c.isprintable() else "?" for c in words)


def _source(found: Proposal, *, rekeys: bool) -> Iterator[str]:
    yield "source:"
    for role, topic, fields in (("predictions", found.topic, found.predictions), ("outcomes", found.outcomes_topic, found.outcomes)):
        if topic:
            yield from _input(found, role, topic, fields, rekeys=rekeys)  # type: ignore[arg-type]  # a role
    yield "  # flags: [the-feature-flag]      # a change of it concerns this model"


def _input(found: Proposal, role: Role, topic: str, fields: Mapping[str, Found], *, rekeys: bool) -> Iterator[str]:
    name = found.formats.get(role, JSON)
    yield f"  {role}:"
    yield f"    topic: {text(topic)}"
    if not getattr(found.keyed, role):
        yield ("    keyed: false" if rekeys else "    # keyed: false") + f"                  # {comment(found.keyed.why)}"
    if name == JSON and not fields:
        return
    yield f"    format: {name}"
    if role == "predictions":
        if found.threshold is not None:
            yield f"    threshold: {found.threshold:g}                 # events carry a score alone: from there on the answer is the positive class"
        if found.feature_names:
            named = ", ".join(found.feature_names)
            yield f"    feature_names: [{named}]   # inputs are lists: write their names, in that order, here and under features"
    if not fields:
        return
    more = "" if name == JSON else f", beside what {name} says of itself"
    yield f"    fields:                        # a field of ours: where their events hold it{more}"
    yield from (f"      {text(ours)}: {_place(place)}" for ours, place in fields.items())


def _place(place: Found) -> str:
    path = written(place.path).removeprefix("$.")
    return f"{{path: {text(path)}, unit: {place.unit}}}" if place.unit else text(path)


def _labels(found: Proposal, times: Times) -> list[str]:
    lines = []
    if found.task != "regression":
        lines.append(f"  classes: [{', '.join(map(text, found.classes))}]")
    if found.positive:
        lines.append(f"  positive: {text(found.positive)}   # the one that matters; of two classes the rarer where no name says it")
    if times.typical and times.late:
        values = f"typical: {duration_text(times.typical)}, late: {duration_text(times.late)}, final: {duration_text(times.final)}"
        return ["labels:", *lines, f"  delay: {{{values}}}   # half, 95 % and the last {times.delays}"]
    wish = f"  # delay: {{typical: 3d, late: 45d, final: 60d}}   # half, 95 % and the last of the labels; {times.delays}"
    return ["labels:", *lines, wish] if lines else ["# labels:", f"#{wish.replace('# ', '', 1)}"]


def _feature(each: Feature) -> str:
    more = [f"type: {each.kind}"]
    if each.private:
        more.append("private: true")
    if not each.watched:
        more.append("watch: false")
    note = (
        each.seen
        + ("" if each.watched else "; looks like an id")
        + ("; its name sounds personal: its values show nowhere" if each.private else "")
    )
    return f"  {text(each.name)}: {{{', '.join(more)}}}   # {comment(note)}"


def _segments(found: Proposal) -> Iterator[str]:
    if not found.segments:
        yield "# segments: {by: [country]}"
        return
    yield "segments:"
    yield f"  by: [{', '.join(text(segment.name) for segment in found.segments)}]"
    yield from (f"    # {comment(segment.name)}: {comment(segment.shares)}" for segment in found.segments)
    if len(found.segments) > 1:
        yield f"  # pairs are written [{', '.join(text(s.name) for s in found.segments[:2])}]; each costs a share of the alert budget"


def _reference(times: Times) -> Iterator[str]:
    if times.last:
        yield f"reference: {{last: {duration_text(times.last)}, lag: {duration_text(times.lag)}}}   # what is normal; the topic holds {times.held}"
    else:
        yield "# reference: {last: 28d, lag: 7d}   # the default; the topic holds enough for it"


def _promises(times: Times) -> Iterator[str]:
    lines: list[str] = []
    if times.p99_ms is not None:
        lines.append(f"  latency: {{inference_p99: {max(int(times.p99_ms * 1.5), 1)}ms}}   # seen {times.p99_ms:.3g} ms")
    if times.accuracy is not None:
        lines.append(
            f"  quality: {{metric: accuracy, at_least: {max(times.accuracy - 0.02, 0):.2f}}}   # seen {times.accuracy:.3f} of {times.joined:,}"
        )
    if times.gap_ms is not None:
        quiet = int(-(-max(times.gap_ms * 5, 60_000) // 60_000))
        lines.append(f"  alive: {{silent_after: {quiet}m}}   # the longest gap of the sample was {times.gap_ms / 1000:.3g} s")
    lines = lines or ["  latency: {inference_p99: 80ms}"]
    yield "# What you promise is judged as an exact line; without it all is judged against the reference."
    yield from (f"# {line}" for line in ["promises:", *lines])
