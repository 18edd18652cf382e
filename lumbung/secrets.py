"""Secrets are references: env:NAME, file:PATH (0600), credential:NAME (systemd)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pydantic import SecretStr

from collectors.contract import SourceMisconfigured

_SCHEMES = "env:NAME, file:PATH or credential:NAME"

_MOUNTED = Path("/run/secrets")


def resolve(reference: str, *, folder: Path, what: str) -> SecretStr:
    """The secret a reference names; a relative file counts from ``folder``.

    ``what`` says in errors what the secret is for. Raises SourceMisconfigured; the error never
    holds the reference itself, for it may be a secret written there by mistake.
    """
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in ("env", "file", "credential"):
        raise SourceMisconfigured(
            f"{what} is written into the configuration; keep the secret outside and refer to it "
            f"by {_SCHEMES}"
        )
    if scheme == "env":
        return _from_environment(rest, what)
    if scheme == "credential":
        return _from_file(_credential(rest, what), what)
    return _from_file(folder / rest, what)


def _from_environment(name: str, what: str) -> SecretStr:
    value = os.environ.get(name, "").strip()
    if not value:
        raise SourceMisconfigured(f"{what}: the environment variable {name} is not set")
    return SecretStr(value)


def _credential(name: str, what: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SourceMisconfigured(
            f"{what}: no $CREDENTIALS_DIRECTORY; `credential:` works in a systemd unit that has "
            f"LoadCredential={name}:…"
        )
    return Path(folder) / name


def _from_file(path: Path, what: str) -> SecretStr:
    try:
        status = path.stat()
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) and not is_guarded(path):
            raise SourceMisconfigured(
                f"{what}: {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o}); "
                f"run `chmod 600 {path}`, and renew the secret if they may have read it"
            )
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise SourceMisconfigured(f"{what}: {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMisconfigured(f"{what}: {path} cannot be read ({error})") from error
    if not value:
        raise SourceMisconfigured(f"{what}: {path} is empty")
    return SecretStr(value)


def is_guarded(path: Path) -> bool:
    """Whether the file's own mode says nothing: systemd keeps credentials, and containers mount
    secrets, in a folder of their own."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return path.parent == _MOUNTED or (bool(folder) and path.parent == Path(folder or ""))
