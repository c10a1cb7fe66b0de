"""What one provider's file says of it: how a delivery is signed, and which changes of flags it tells."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from anchorwatch.events import FlagChange

Headers = Mapping[str, str]  # names in small letters


class Places(NamedTuple):
    """Whose environment is which of ours?"""

    environments: Mapping[str, str] = MappingProxyType({"production": "prod"})  # theirs, in small letters -> ours
    without: str = "prod"  # of events that name none

    def ours(self, theirs: str | None) -> str:
        """What is not listed keeps its name, in small letters."""
        return self.environments.get(theirs.lower(), theirs.lower()) if theirs else self.without

    def all(self) -> list[str]:
        """Where a flag stands that was taken away everywhere."""
        return sorted({*self.environments.values(), self.without})


class Heard(NamedTuple):
    changes: tuple[FlagChange, ...] = ()
    passed: str = ""  # why a good event changes nothing


class Hook(NamedTuple):
    signed: Callable[[bytes, Headers, bytes], str]  # (body as it came, headers, secret) -> "" or what is wrong with the signature
    changes: Callable[[bytes, Places], Heard]  # raises what msgspec raises for bytes of another shape, EventRejected
    sets: str  # where its user enters the secret


def by_hex(header: str, prefix: str = "") -> Callable[[bytes, Headers, bytes], str]:
    """HMAC-SHA256 of the body in hexadecimal, behind `prefix`."""

    def signed(body: bytes, headers: Headers, secret: bytes) -> str:
        return differs(header, headers, prefix + hmac.new(secret, body, hashlib.sha256).hexdigest())

    return signed


def by_word(header: str) -> Callable[[bytes, Headers, bytes], str]:
    """The secret itself stands in a header: for providers that sign nothing. Whoever reads the connection can use it again."""

    def signed(_: bytes, headers: Headers, secret: bytes) -> str:
        return differs(header, headers, secret.decode())

    return signed


def differs(header: str, headers: Headers, wanted: str) -> str:
    """In a time that does not hang on where they differ."""
    given = headers.get(header.lower())
    if given is None:
        return f"no header {header}"
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))
    return "" if same else f"{header} does not fit this body and the secret"
