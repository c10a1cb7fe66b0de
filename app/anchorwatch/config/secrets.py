"""Which values are secrets, and how they are shown: not at all."""

import re

from anchorwatch.contract.reading import Path

SECRET = re.compile(r"password|passphrase|secret|key\.pem$|oauthbearer\.config$|user\.info$|^token$")
MASK = "***"


def is_secret(path: Path) -> bool:
    """Must come from a variable or a file, and is shown nowhere."""
    return bool(path) and bool(SECRET.search(str(path[-1])))


def is_hidden(path: Path) -> bool:
    """Is shown nowhere: a webhook's address is often its password."""
    return is_secret(path) or (len(path) == 3 and path[0] == "sinks" and path[2] == "url")


class Options(dict[str, str]):
    """librdkafka's names and values, as written. Its repr shows no secret; a plain copy (`dict(options)`) would."""

    def __repr__(self) -> str:
        return repr({name: MASK if is_secret((name,)) else value for name, value in self.items()})
