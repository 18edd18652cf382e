"""Serves a recording of a real Proxmox VE cluster, where one is at hand, and configures for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from command_line import Ran, lumbung_here
from patience import PATIENCE_SECONDS

# A week after the recordings were made: what they tell grows old, whenever they are read.
RECORDED_AT = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[2] / "shared"
CLUSTER = SHARED / "proxmox" / "cluster-8.4.json"
TRUTH = SHARED / "proxmox" / "cluster-8.4-truth.json"
REPLAY = SHARED / "lab" / "replay-pve.py"
SINGLE_NODES = {
    "8.4": SHARED / "proxmox" / "answers-8.4.json",
    "9.2": SHARED / "proxmox" / "answers-9.2.json",
}

recorded = pytest.mark.skipif(
    not (CLUSTER.exists() and REPLAY.exists()), reason="no recorded cluster at hand"
)


@dataclass
class Replay:
    """A running replay: where it is and the tokens it knows, by label."""

    url: str
    fingerprint: str
    tokens: dict[str, str]
    counts: Path

    def source(self, label: str, name: str = "lab", **more: Any) -> str:
        """A [[sources]] table for one of the recorded tokens."""
        full, secret = self.tokens[label].split("=", 1)
        user, token_name = full.split("!", 1)
        (self.counts.parent / f"{label}.token").write_text(secret)
        (self.counts.parent / f"{label}.token").chmod(0o600)
        extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
        return (
            f'[[sources]]\nname = "{name}"\nkind = "proxmox"\nurl = "{self.url}"\n'
            f'user = "{user}"\ntoken_name = "{token_name}"\ntoken = "file:{label}.token"\n'
            f'fingerprint = "{self.fingerprint}"\n{extra}'
        )


@contextmanager
def replay(recording: Path, folder: Path, *options: str) -> Iterator[Replay]:
    """Serves a recording on a free port of 127.0.0.1 until the block ends."""
    counts = folder / "counts.json"
    process = subprocess.Popen(
        [
            sys.executable,
            str(REPLAY),
            str(recording),
            "--port",
            "0",
            "--counts",
            str(counts),
            *options,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        yield Replay(about["url"], about["fingerprint_sha256"], about["tokens"], counts)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def as_cluster_recording(single: Path, target: Path) -> Path:
    """A single node's recording in the form that the replay reads, under one token."""
    answers = json.loads(single.read_text())
    answers.pop("_meta", None)
    named = {"_meta": {"pve": "", "tokens": {"AUD": "collector@pve!inv=secret"}}}
    for key, answer in answers.items():
        if key.startswith("GET "):
            body = answer.get("body")
            raw = body.get("_raw") if isinstance(body, dict) and "_raw" in body else None
            kept = {k: v for k, v in answer.items() if k != "body"}
            named[f"AUD {key}"] = kept | ({"raw": raw} if raw is not None else {"body": body})
    target.write_text(json.dumps(named))
    return target


def completed(label: str, target: Path) -> Path:
    """The cluster's recording in which a token of which little was recorded is answered as the
    auditor is wherever nothing else is known of it."""
    recording = json.loads(CLUSTER.read_text())
    for key in [key for key in recording if key.startswith("AUD GET ")]:
        recording.setdefault(f"{label} {key.removeprefix('AUD ')}", {"same": key})
    target.write_text(json.dumps(recording))
    return target


@dataclass
class Project:
    """A configuration in a folder, and the command line run on it; None: by the real clock."""

    folder: Path
    now: datetime | None = None

    def configure(self, *sources: str, head: str = "") -> Project:
        text = (
            '[site]\nname = "Lab"\ntimezone = "Asia/Jakarta"\n' + head + "\n" + "\n".join(sources)
        )
        (self.folder / "lumbung.toml").write_text(text)
        return self

    def call(self, *arguments: str, **more: Any) -> Ran:
        config = str(self.folder / "lumbung.toml")
        return lumbung_here("--config", config, *arguments, **({"now": self.now} | more))

    def rows(self, *arguments: str, **more: Any) -> list[dict[str, Any]]:
        result = self.call(*arguments, "--format", "json", **more)
        assert result.returncode == 0, result.stderr
        found: list[dict[str, Any]] = json.loads(result.stdout)
        return found
