"""Which jars make a Kafka? Resolves them anew: `python -m anchorwatch.broker.relock 4.3.1 > app/anchorwatch/broker/kafka.lock`.

For a maintainer and a new Kafka; everybody else downloads what the lock names. Takes 20 to 40 s; where no Java >= 11 is on
the PATH, jgo fetches one to sort jars into modules.
"""

import sys
import tempfile
from pathlib import Path

LOGGER = "org.slf4j:slf4j-simple:1.7.36"  # warnings and errors to the node's log; Kafka's own log4j2 would want a file of settings


def resolve(version: str) -> list[str]:
    """The lines of kafka.lock: a comment, then `group:artifact:version sha256`, sorted."""
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder, "jars"), local_repos=[], timeout=60)
        builder = EnvironmentBuilder(context=context, cache_dir=Path(folder, "jgo"))
        environment = builder.from_endpoint(f"org.apache.kafka:kafka_2.13:{version}+{LOGGER}")
        assert environment.lockfile, "jgo writes a lock file for every environment it builds"
        jars = sorted(environment.lockfile.dependencies, key=lambda jar: (jar.groupId, jar.artifactId))
        head = f"# Jars of Apache Kafka {version} with their SHA-256; written by anchorwatch.broker.relock."
        return [head, *(f"{jar.groupId}:{jar.artifactId}:{jar.version} {jar.sha256}" for jar in jars)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(resolve(sys.argv[1])) + "\n")
