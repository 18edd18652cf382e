"""The folder of one private libvirtd: its places, its configuration, and how it is started there.

In system mode the daemon is root's, in a mount namespace where its own folders lie over libvirt's
(/etc, /run, /var/lib, /var/log, /var/cache), so that a libvirtd of the machine is not disturbed;
only the empty folders needed as mount points are made on the machine itself. In session mode it
is an unprivileged user's, pointed to its own folders by their variables.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.libvirt_lab.programs import LabError, program, run

POOL, SECOND_POOL = "images", "spare"
_SOCKET_PATH_BYTES = 107  # what a unix socket's address holds (unix(7))


class Mode(StrEnum):
    SYSTEM = "system"
    SESSION = "session"


def best_mode() -> Mode:
    """System mode where root may mount in a namespace of its own, else session mode."""
    if os.geteuid() != 0:
        return Mode.SESSION
    try:
        run("unshare", "--mount", "--uts", "mount", "--bind", "/", "/")
    except LabError:
        return Mode.SESSION
    return Mode.SYSTEM


@dataclass(frozen=True)
class Listening:
    """Where a host listens besides its socket, on 127.0.0.1; None: it does not."""

    tcp_port: int | None = None
    tls_port: int | None = None
    pki: Path | None = None  # the folder of cacert.pem, servercert.pem, clientcert.pem, …


@dataclass(frozen=True)
class Home:
    """A host's folder, laid out for its mode."""

    folder: Path
    mode: Mode

    @property
    def _own(self) -> Path:
        """What a session's folders have below those of the user: one more level."""
        return Path("libvirt" if self.mode is Mode.SESSION else "")

    @property
    def socket(self) -> Path:
        return self.folder / "run" / self._own / "libvirt-sock"

    @property
    def _capabilities(self) -> Path:
        """Where libvirtd keeps what it learnt of the emulator, which takes it some seconds."""
        below = "qemu/cache" if self.mode is Mode.SESSION else "qemu"
        return self.folder / "cache" / self._own / below / "capabilities"

    def make_folders(self, cache: Path) -> None:
        """Makes the folders; what is learnt of the emulator stays in the cache."""
        self._check_length()
        for name in ("run", "etc", "lib", "log", "cache", "console", POOL, SECOND_POOL):
            (self.folder / name).mkdir(parents=True)
        learnt = cache / f"capabilities-{self.mode}"
        learnt.mkdir(exist_ok=True)
        self._capabilities.parent.mkdir(parents=True)
        self._capabilities.symlink_to(learnt)

    def _check_length(self) -> None:
        """Raises LabError when the path of a socket in this folder would be too long."""
        longest = self.socket
        if self.mode is Mode.SESSION:  # a guest's monitor; libvirt cuts the guest's name
            longest = self.folder / f"etc/libvirt/qemu/lib/domain-999-{'x' * 20}/monitor.sock"
        if len(os.fsencode(longest)) > _SOCKET_PATH_BYTES:
            raise LabError(f"{self.folder}: too long a path for the sockets in it")

    def write_configuration(self, identity: str, listening: Listening) -> None:
        etc = self.folder / "etc" / self._own
        etc.mkdir(exist_ok=True)
        (self.folder / "etc/libvirtd.conf").write_text(
            _daemon_configuration(identity, listening, self.folder / "log")
        )
        (etc / "qemu.conf").write_text(_qemu_configuration(self.mode))

    def start(self, name: str) -> subprocess.Popen[bytes]:
        settings, number = (str(self.folder / f) for f in ("etc/libvirtd.conf", "etc/libvirtd.pid"))
        daemon = (program("libvirtd"), "--listen", "-f", settings, "-p", number)
        user = self._hand_over()
        with (self.folder / "log" / "output").open("wb") as output:
            return subprocess.Popen(
                daemon if self.mode is Mode.SESSION else self._secluded(name, daemon),
                env={**os.environ, **self._variables, "LC_ALL": "C"},
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=[] if user else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C is for us alone: we end daemon and guests
            )

    def _hand_over(self) -> pwd.struct_passwd | None:
        """Whose daemon it will be, where that is not the one who asks: what it needs is theirs."""
        if self.mode is Mode.SYSTEM or os.geteuid() != 0:
            return None
        user = pwd.getpwnam("nobody")
        for path in (self._capabilities, self.folder, *self.folder.rglob("*")):
            shutil.chown(path, user.pw_uid, user.pw_gid)
        return user

    @property
    def _variables(self) -> dict[str, str]:
        if self.mode is Mode.SYSTEM:
            return {}
        names = {"RUNTIME_DIR": "run", "CONFIG_HOME": "etc", "CACHE_HOME": "cache"}
        places = {f"XDG_{key}": str(self.folder / name) for key, name in names.items()}
        return places | {"HOME": str(self.folder / "lib"), "XDG_DATA_HOME": str(self.folder)}

    def _secluded(self, name: str, daemon: tuple[str, ...]) -> tuple[str, ...]:
        """The command that runs the daemon under a name of its own, over folders of its own."""
        over = {
            "etc": Path("/etc/libvirt"),
            "run": Path("/run/libvirt"),
            "lib": Path("/var/lib/libvirt"),
            "log": Path("/var/log/libvirt"),
            "cache": Path("/var/cache/libvirt"),
        }
        for hidden in over.values():
            hidden.mkdir(parents=True, exist_ok=True)
        over |= {file: Path("/etc") / file for file in self._write_accounts()}
        pairs = [str(path) for own, hidden in over.items() for path in (self.folder / own, hidden)]
        # A name with a dot is taken as it is; one without would be looked up.
        script = (
            'hostname "$1"; shift\n'
            'while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done\n'
            'shift; exec "$@"'
        )
        seclusion = (program("unshare"), "--mount", "--uts", "--propagation", "private")
        return (*seclusion, "sh", "-euc", script, "sh", f"{name}.lab.test", *pairs, "--", *daemon)

    def _write_accounts(self) -> tuple[str, ...]:
        """The files with Debian's account for emulators, which libvirtd looks up and never uses.

        Only another package makes that account on the machine itself.
        """
        accounts = {
            "passwd": "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n",
            "group": "libvirt-qemu:x:64055:\n",
        }
        for file, line in accounts.items():
            lines = Path("/etc", file).read_text().splitlines(keepends=True)
            (self.folder / file).write_text("".join((line, *lines)))
        return tuple(accounts)


def _daemon_configuration(identity: str, listening: Listening, log: Path) -> str:
    lines = [
        f'host_uuid = "{identity}"',
        'listen_addr = "127.0.0.1"',
        'unix_sock_rw_perms = "0700"',
        *(f'auth_{kind} = "none"' for kind in ("unix_ro", "unix_rw", "tcp", "tls")),
        f"listen_tcp = {int(listening.tcp_port is not None)}",
        f"listen_tls = {int(listening.tls_port is not None)}",
        f'log_outputs = "3:file:{log}/libvirtd.log"',
    ]
    if listening.tcp_port:
        lines.append(f'tcp_port = "{listening.tcp_port}"')
    if listening.tls_port:
        lines.append(f'tls_port = "{listening.tls_port}"')
        lines += [
            f'{setting} = "{listening.pki}/{file}.pem"'
            for setting, file in (
                ("key_file", "serverkey"),
                ("cert_file", "servercert"),
                ("ca_file", "cacert"),
            )
        ]
    return "\n".join(lines) + "\n"


def _qemu_configuration(mode: Mode) -> str:
    """Needs nothing of the machine: no cgroups, no labels, no log daemon, no other's ports."""
    first = 20_000 + 100 * secrets.randbelow(100)
    lines = [
        'security_driver = "none"',
        'stdio_handler = "file"',
        "cgroup_controllers = []",
        "namespaces = []",
        f"remote_display_port_min = {first}",
        f"remote_display_port_max = {first + 49}",
        f"migration_port_min = {first + 50}",
        f"migration_port_max = {first + 99}",
    ]
    if mode is Mode.SYSTEM:
        lines += ['user = "root"', 'group = "root"', "dynamic_ownership = 0", "remember_owner = 0"]
    return "\n".join(lines) + "\n"
