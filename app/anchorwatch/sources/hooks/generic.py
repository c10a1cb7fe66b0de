"""Whatever else switches models: a deploy script, a registry of one's own. The body is a flag change of ours (schemas/flag_change).

X-Anchorwatch-Signature: `sha256=` and the HMAC-SHA256 of the body in hexadecimal.
"""

from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_hex
from anchorwatch.sources.native import Flags

FLAGS = Flags()


def changes(body: bytes, _: Places) -> Heard:
    decoded = FLAGS.decode([(None, body, 0, 0)])
    decoded.insist()
    if not decoded.records:
        return Heard(passed="no switch: no flag change in it")
    return Heard(tuple(FLAGS.changes(decoded, raw=True)))


HOOK = Hook(by_hex("X-Anchorwatch-Signature", "sha256="), changes, "the sender's secret")
