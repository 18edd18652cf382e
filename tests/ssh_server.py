"""A private sshd on 127.0.0.1 that lets one key in, to run one command."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.libvirt_lab.daemon import free_port
from patience import PATIENCE_SECONDS, until


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and an ssh that knows its host key and nothing of this user's own."""

    folder: Path
    port: int
    ssh: Path
    key: Path

    def uri(self, path: str = "/system") -> str:
        return (
            f"qemu+ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"
            f"?command={self.ssh}&keyfile={self.key}"
        )

    def know_another_key(self) -> None:
        """From now on the client takes the server for somebody else's."""
        stranger = _key(self.folder / "stranger")
        _remember(self.folder, self.port, stranger)


@contextmanager
def ssh_server(folder: Path, forced_command: str) -> Iterator[SshServer]:
    """An sshd of our own until the block ends. Skips the test where there is none."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if sshd is None or shutil.which("ssh") is None:
        pytest.skip("needs openssh-server and openssh-client")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd drops its privileges
    host_key, key, port = _key(folder / "host"), _key(folder / "client"), free_port()
    allowed = folder / "authorized_keys"
    public = key.with_suffix(".pub").read_text()
    allowed.write_text(f'restrict,command="{forced_command}" {public}')
    _remember(folder, port, host_key)
    command = [sshd, "-D", "-e", "-f", "/dev/null", "-h", str(host_key), *_options(port, allowed)]
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
    try:
        until(lambda: _listens(port, server, folder / "sshd.log"))
        yield SshServer(folder, port, _client(folder), key)
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE_SECONDS)


def _options(port: int, allowed: Path) -> list[str]:
    settings = {
        "ListenAddress": f"127.0.0.1:{port}", "AuthorizedKeysFile": allowed, "StrictModes": "no",
        "UsePAM": "no", "PasswordAuthentication": "no", "PidFile": "none",
        "PermitRootLogin": "forced-commands-only",
    }  # fmt: skip
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lumbung", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def _remember(folder: Path, port: int, host_key: Path) -> None:
    public = host_key.with_suffix(".pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")


def _client(folder: Path) -> Path:
    """The ssh that libvirt is to run: a user would write these lines into ~/.ssh/config."""
    settings = folder / "ssh_config"
    settings.write_text(
        f"UserKnownHostsFile {folder / 'known_hosts'}\nGlobalKnownHostsFile /dev/null\n"
        "StrictHostKeyChecking yes\nBatchMode yes\n"
    )
    client = folder / "ssh"
    client.write_text(f'#!/bin/sh\nexec ssh -F {settings} "$@"\n')
    client.chmod(0o700)
    return client


def _listens(port: int, server: subprocess.Popen[bytes], log: Path) -> bool:
    assert server.poll() is None, f"sshd did not start: {log.read_text()}"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
