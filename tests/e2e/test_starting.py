"""From nothing to a working configuration: `init`, `sources check`, the help."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from command_line import lumbung, lumbung_here
from lab.pve_double import serve
from lab.pve_synthetic import AUDITOR, BLIND, synthetic
from lumbung.cli import app
from lumbung.settings import load_settings
from site_files import NOW, guest, host, write_csv


def test_init_with_yes_asks_nothing(tmp_path: Path) -> None:
    ran = lumbung_here(
        "init", str(tmp_path / "p"), "--yes", "--site", 'Balai "Kota"', "--timezone",
        "Asia/Jakarta", "--kind", "files", "--name", "offline", "--path", str(tmp_path / "site"),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    target = tmp_path / "p" / "config" / "lumbung.toml"
    assert f"wrote {target}" in ran.stdout
    assert "next: lumbung sources check" in ran.stdout
    settings = load_settings(target)
    assert settings.site.name == 'Balai "Kota"'
    assert settings.root == tmp_path / "p"
    assert [path.name for path in sorted(target.parent.iterdir())] == [
        "calendar.yaml", "estate.yaml", "lumbung.toml", "policy.toml",
    ]  # fmt: skip


def test_what_init_wrote_collects_and_reports(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    write_csv(site / "source.csv", [{"taken_at": NOW.isoformat()}])
    write_csv(site / "hosts.csv", [host("h1")])
    write_csv(site / "guests.csv", [guest("g", "h1")])
    config = tmp_path / "config" / "lumbung.toml"
    steps = [
        ("init", str(tmp_path), "--yes", "--kind", "files", "--path", str(site)),
        ("--config", str(config), "sources", "check"),
        ("--config", str(config), "collect"),
        ("--config", str(config), "report"),
    ]
    for step in steps:
        ran = lumbung_here(*step, now=NOW)
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "inventory.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "weekly" / "latest" / "brief.html").exists()


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    lumbung_here("init", str(tmp_path), "--yes", "--kind", "files", "--path", "x")
    ran = lumbung_here("init", str(tmp_path), "--yes")
    assert ran.returncode == 2
    assert "exists; edit it" in ran.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--timezone", "Asia/Jakata"), "--timezone: 'Asia/Jakata' is not a time zone"),
        (("--name", "../../evil"), "--name: must be 1 to 64 letters"),
        (("--url", "pve1.example"), "--url: each must be https://HOST:8006"),
        (("--kind", "libvirt", "--uri", "esx://h"), "--uri: is no libvirt URI"),
    ],
)
def test_init_writes_nothing_of_what_cannot_be_used(
    tmp_path: Path, given: tuple[str, ...], told: str
) -> None:
    ran = lumbung_here("init", str(tmp_path / "p"), "--yes", *given)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert not (tmp_path / "p").exists()


def test_init_asks_again_and_takes_paths_from_where_they_were_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ['Balai\t"Kota"', "Asia/Jakata", "Asia/Jakarta", "files", "a b", "arsip", "usb/arsip"]
    asked = CliRunner().invoke(app, ["init", "p"], input="\n".join(answers) + "\n")
    assert asked.exit_code == 0, asked.output
    assert "'Asia/Jakata' is not a time zone" in asked.output
    assert "must be 1 to 64 letters" in asked.output
    assert f"{tmp_path / 'usb/arsip'} is not there yet" in asked.output
    settings = load_settings(tmp_path / "p" / "config" / "lumbung.toml")
    assert settings.site.name == 'Balai\t"Kota"'
    assert settings.sources[0].options.path == tmp_path / "usb/arsip"  # type: ignore[attr-defined]


def test_init_says_which_time_zone_nobody_said(tmp_path: Path) -> None:
    ran = lumbung_here("init", str(tmp_path), "--yes", "--kind", "files", "--path", str(tmp_path))
    assert "nobody said which time zone" in ran.stderr


def test_init_asks_and_pins_the_certificate_that_was_seen(tmp_path: Path) -> None:
    with serve(synthetic(1, 1, now=0.0)) as served:
        answers = [
            "Balai Kota", "Asia/Jakarta", "vmware", "proxmox", "pve", served.url, "lumbung@pve",
            "collect",
            "the-secret", "y",
        ]  # fmt: skip
        asked = CliRunner().invoke(app, ["init", str(tmp_path)], input="\n".join(answers) + "\n")
    assert asked.exit_code == 0, asked.output
    assert served.fingerprint in asked.output
    assert "the-secret" not in asked.output
    config = tmp_path / "config"
    [source] = tomllib.loads((config / "lumbung.toml").read_text())["sources"]
    assert source["fingerprint"] == served.fingerprint
    assert source["token"] == "file:pve.token"
    assert (config / "pve.token").read_text() == "the-secret\n"
    assert (config / "pve.token").stat().st_mode & 0o777 == 0o600
    assert "the-secret" not in (config / "lumbung.toml").read_text()
    assert "pveum acl modify / --tokens 'lumbung@pve!collect' --roles PVEAuditor" in asked.output


def test_init_of_a_node_that_is_away_says_so_and_goes_on(tmp_path: Path) -> None:
    ran = lumbung_here(
        "init", str(tmp_path), "--yes", "--kind", "proxmox", "--url", "https://127.0.0.1:9",
        "--timezone", "UTC",
    )  # fmt: skip
    assert ran.returncode == 0
    assert "could not be reached now" in ran.stderr
    assert load_settings(tmp_path / "config" / "lumbung.toml").sources


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "t.token").touch(mode=0o600)
    return tmp_path


def configure(folder: Path, url: str, ca_file: object, token: object = AUDITOR) -> str:
    user, name = token.id.split("!")  # type: ignore[attr-defined]
    (folder / "t.token").write_text(token.secret)  # type: ignore[attr-defined]
    config = folder / "lumbung.toml"
    config.write_text(
        '[site]\ntimezone = "Asia/Jakarta"\n[[sources]]\nname = "pve"\nkind = "proxmox"\n'
        f'url = "{url}"\nuser = "{user}"\ntoken_name = "{name}"\ntoken = "file:t.token"\n'
        f'ca_file = "{ca_file}"\n'
    )
    return str(config)


def test_check_counts_both_sides_and_names_the_requests(project: Path) -> None:
    with serve(synthetic(3, 12, now=NOW.timestamp())) as served:
        config = configure(project, served.url, served.ca_file)
        ran = lumbung_here("--config", config, "sources", "check", now=NOW)
    assert ran.returncode == 0, ran.stdout
    assert "the platform says 12 guests, we see 12, on 3 hosts" in ran.stdout
    assert "12 × GET /nodes/…/qemu/…/config" in ran.stdout
    assert "nothing that a right to read would show" in ran.stdout
    assert not (project / "inventory.db").exists()


def test_check_says_what_is_hidden_and_the_command_that_shows_it(project: Path) -> None:
    with serve(synthetic(3, 12, now=NOW.timestamp())) as served:
        config = configure(project, served.url, served.ca_file, BLIND)
        ran = lumbung_here("--config", config, "sources", "check", now=NOW)
    assert "the platform says an unknown number of guests, we see 0" in ran.stdout
    assert f"pveum acl modify / --tokens '{BLIND.id}' --roles PVEAuditor" in ran.stdout


def test_check_of_a_dead_source_says_why(project: Path) -> None:
    with serve(synthetic(1, 1, now=0.0)) as served:
        url, pem = served.url, Path(served.ca_file).read_text()
    (project / "ca.pem").write_text(pem)
    ran = lumbung_here("--config", configure(project, url, "ca.pem"), "sources", "check")
    assert ran.returncode == 4
    assert "FAILED" in ran.stdout
    assert "connection refused" in ran.stdout


def test_a_source_whose_package_is_missing_says_what_to_install(tmp_path: Path) -> None:
    config = tmp_path / "lumbung.toml"
    config.write_text(
        '[site]\ntimezone = "UTC"\n[[sources]]\nname = "kvm"\nkind = "libvirt"\n'
        'uri = "qemu:///system"\n'
    )
    block = "import sys; sys.modules['libvirt'] = None"
    (tmp_path / "sitecustomize.py").write_text(block)
    ran = lumbung("--config", str(config), "collect", env={"PYTHONPATH": str(tmp_path)})
    [line] = ran.stderr.splitlines()
    assert ran.returncode == 2
    assert "lumbung[libvirt]" in line
    assert "libvirt-dev" in line


def test_the_five_lines_open_the_help() -> None:
    ran = lumbung("--help")
    lines = [line.strip() for line in ran.stdout.splitlines()]
    heads = ("On Monday", "Every month", "Before an order", "Before an audit", "When something")
    places = [next(i for i, line in enumerate(lines) if line.startswith(h)) for h in heads]
    assert places == sorted(places)
    assert places[-1] < 12


@pytest.mark.parametrize("group", [(), ("db",), ("estate",), ("report",), ("sources",)])
def test_help_cuts_no_sentence_short(group: tuple[str, ...]) -> None:
    shown = lumbung_here(*group, "--help").stdout.partition("Commands:")[2]
    assert shown
    assert "..." not in shown


def test_the_version_is_that_of_the_package() -> None:
    ran = lumbung_here("--version")
    assert (ran.returncode, ran.stdout) == (0, f"lumbung {metadata.version('lumbung')}\n")


def test_help_loads_neither_pandas_nor_a_hypervisor() -> None:
    code = (
        "import sys\nfrom lumbung.cli import run\nrun(['--help'])\n"
        "heavy = {'pandas', 'numpy', 'sqlalchemy', 'proxmoxer', 'libvirt', 'apscheduler'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
