"""A schema registry over HTTP in this process: what Confluent's client asks to register a schema and to read it again, and no more."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSIONS = re.compile(r"/subjects/([^/]+)/versions")
BY_ID = re.compile(r"/schemas/ids/(\d+)")


class Registry(ThreadingHTTPServer):
    """`url`: where it answers. Ids count from 1; an equal schema keeps its id."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Answers)
        self.schemas: list[dict[str, Any]] = []
        self.asked: list[str] = []  # paths, in order
        self.door = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def register(self, schema: dict[str, Any]) -> dict[str, Any]:
        with self.door:
            if schema not in self.schemas:
                self.schemas.append(schema)
            return {"id": self.schemas.index(schema) + 1, "version": 1, **schema}


class _Answers(BaseHTTPRequestHandler):
    server: Registry

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if named := VERSIONS.fullmatch(self._path()):
            told = self.server.register({"schema": sent["schema"], "schemaType": sent.get("schemaType", "AVRO")})
            self._tell(200, told | {"subject": named[1]})
        else:
            self._tell(404, {"error_code": 404, "message": "no such resource"})

    def do_GET(self) -> None:
        found = BY_ID.fullmatch(self._path())
        number = int(found[1]) if found else 0
        if 1 <= number <= len(self.server.schemas):
            self._tell(200, self.server.schemas[number - 1])
        else:
            self._tell(404, {"error_code": 40403, "message": "schema not found"})

    def _path(self) -> str:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        return path

    def _tell(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


@contextmanager
def serving(port: int = 0) -> Iterator[Registry]:
    with Registry(port) as registry:
        thread = threading.Thread(target=registry.serve_forever, daemon=True, name="registry")
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join(5)
