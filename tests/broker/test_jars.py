"""Which jars, and what a person reads when they cannot be had. Nothing is fetched from outside this machine."""

import http.server
import os
import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.broker import JarsMissing, jars
from anchorwatch.broker.jars import find_jars, is_intact, kafka_version, locked_jars


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty one, and a registry where nobody answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ANCHORWATCH_MAVEN_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    return tmp_path / "anchorwatch" / "kafka"


@pytest.fixture
def whole_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as outside:
        outside.delenv("XDG_CACHE_HOME")
        outside.delenv("ANCHORWATCH_MAVEN_URL")
        jars = find_jars()
    cache.mkdir(parents=True)
    for jar in jars:
        (cache / jar.name).hardlink_to(jar) if jar.stat().st_dev == cache.stat().st_dev else shutil.copy(jar, cache)
    return cache


class Login(http.server.BaseHTTPRequestHandler):
    """Answers every question with the same page, as the network of a hotel does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Please log in</html>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hotel() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Login) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_lock_names_46_jars_of_kafka_4() -> None:
    jars = locked_jars()

    assert len(jars) == len({jar.name for jar in jars}) == 46
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert kafka_version().startswith("4.")


def test_a_whole_cache_needs_no_network(whole_cache: Path) -> None:
    assert {jar.parent for jar in find_jars()} == {whole_cache}


def test_a_registry_that_does_not_answer_is_named_with_the_ways_out(cache: Path) -> None:
    with pytest.raises(JarsMissing, match=r"Connection refused(.|\n)*set ANCHORWATCH_MAVEN_URL (.|\n)*KAFKA_HOME"):
        find_jars()


def test_a_damaged_jar_alone_is_fetched_again(whole_cache: Path) -> None:
    damaged = locked_jars()[3]
    (whole_cache / damaged.name).unlink()
    (whole_cache / damaged.name).write_bytes(b"half")
    said: list[str] = []

    with pytest.raises(JarsMissing, match="Cannot put the jars of Kafka into"):
        find_jars(said.append)

    assert said == [f"fetching 1 jars of Kafka into {whole_cache}, once"]
    assert not is_intact(whole_cache / damaged.name, damaged)


def test_a_page_instead_of_a_jar_is_refused_and_not_kept(cache: Path, hotel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORWATCH_MAVEN_URL", hotel)

    with pytest.raises(JarsMissing, match=rf"from {hotel} is not the file that kafka.lock names; nothing was kept"):
        find_jars()

    assert list(cache.iterdir()) == []


def test_what_a_killed_download_left_is_swept_an_hour_later(cache: Path) -> None:
    for name, age_s in (("fetch-old", 4000), ("fetch-new", 10)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age_s,) * 2)

    with pytest.raises(JarsMissing):
        find_jars()

    assert [path.name for path in cache.iterdir()] == ["fetch-new"]


def test_a_cache_that_is_no_folder_is_named(cache: Path) -> None:
    cache.parent.write_text("in the way")

    with pytest.raises(JarsMissing, match=r"Cannot put the jars of Kafka into .*anchorwatch/kafka"):
        find_jars()


def test_kafka_home_needs_no_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.3.1.jar").touch()
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))

    assert [jar.name for jar in find_jars()] == ["kafka_2.13-4.3.1.jar"]


def test_a_kafka_home_without_kafka_4_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))

    with pytest.raises(JarsMissing, match=r"has no libs/kafka_2.13-4.\*.jar. Name the folder"):
        find_jars()


def test_the_systems_certificates_are_trusted_while_jars_are_fetched_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's own authority stands there; without this a newcomer behind its proxy gets no broker."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    system = ssl.get_default_verify_paths().cafile

    with jars._certificates_of_the_system():
        inside = os.environ.get("REQUESTS_CA_BUNDLE")

    assert inside == system
    assert "REQUESTS_CA_BUNDLE" not in os.environ


def test_a_bundle_that_the_user_names_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/mine.pem")

    with jars._certificates_of_the_system():
        inside = os.environ["REQUESTS_CA_BUNDLE"]

    assert (inside, os.environ["REQUESTS_CA_BUNDLE"]) == ("/mine.pem", "/mine.pem")
