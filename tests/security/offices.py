"""One installation in the fortress, seen by each of its users: a folder, settings and a password of their own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from tests.runtime.installation import CONTRACT, Installation
from tests.security.fortress import Fortress, password, yaml

from anchorwatch.config import Settings, load
from anchorwatch.runtime.contracts import of_folder
from anchorwatch.runtime.job import Stage, of_settings


class Office(Installation):
    """`run`, `command` and `feed` as one user."""

    def __init__(self, kafka: Mapping[str, Any], prefix: str, folder: Path, secret: str = "") -> None:
        folder.mkdir()
        super().__init__(kafka, prefix, folder, contract=CONTRACT)
        (folder / "anchorwatch.yaml").write_text(yaml(kafka, prefix))
        self.secret = secret or str(kafka.get("sasl.password", ""))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "KAFKA_PASSWORD": self.secret}

    def settings(self) -> Settings:
        return load(self.folder / "anchorwatch.yaml", self.environment())

    def life_of(self, stage: Stage) -> str:
        """Why a stage's process left before it worked; "" when it became ready, wrote, and left in order because we asked."""
        settings = self.settings()
        job = of_settings(settings, of_folder(settings), settings.feeds([])[0] if stage == "ingest" else None)
        process = subprocess.Popen(
            [sys.executable, "-m", "anchorwatch.runtime.worker"],
            cwd=self.folder, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        process.stdin.flush()
        leaving: dict[str, Any] = {"exit": process.returncode, "reason": "it did not say why"}
        with process:
            for line in process.stdout:
                told = json.loads(line)
                leaving = told.get("leaving", leaving)
                status = told.get("status", {})
                if status.get("ready") and status["cuts"] > status["cuts_refused"]:
                    process.terminate()  # which makes a last cut: the one before may not be decided yet
        return "" if leaving["exit"] == 0 else str(leaving["reason"])


def office(fortress: Fortress, user: str, prefix: str, folder: Path, mechanism: str = "SCRAM-SHA-512") -> Office:
    return Office(fortress.as_user(user, mechanism), prefix, folder / user, password(user))
