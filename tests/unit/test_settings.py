"""Where the configuration is found, and what its paths and secrets count from."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.contract import SourceMisconfigured
from command_line import lumbung, lumbung_here
from lumbung.files import load_estate, load_policy
from lumbung.secrets import resolve
from lumbung.session import Session, store_url
from lumbung.settings import Settings, SettingsError, find_settings, load_settings
from site_files import NOW, Site, guest, host

HEAD = '[site]\ntimezone = "Asia/Jakarta"\n'
FILES = '[[sources]]\nname = "a"\nkind = "files"\npath = "csv"\n'
PVE = (
    '[[sources]]\nname = "p"\nkind = "proxmox"\nurl = "https://h:8006"\nuser = "l@pve"\n'
    'token_name = "c"\ntoken = "file:t"\n'
)


def loaded(path: Path, text: str = HEAD + FILES) -> Settings:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return load_settings(path)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which nothing is."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


# Which file


def test_the_option_wins_over_the_variable_over_the_folder(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, named, given = (elsewhere / name for name in ("config/lumbung.toml", "b.toml", "c.toml"))
    for path in (here, named, given):
        loaded(path)
    assert find_settings(None) == Path("config/lumbung.toml")
    monkeypatch.setenv("LUMBUNG_CONFIG", str(named))
    assert find_settings(None) == named
    assert find_settings(given) == given


def test_a_file_that_was_named_and_is_not_there_is_not_replaced_by_another(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(elsewhere / "config" / "lumbung.toml")
    with pytest.raises(SettingsError, match=r"no\.toml: no such file; run `lumbung init`"):
        find_settings(Path("no.toml"))
    monkeypatch.setenv("LUMBUNG_CONFIG", "gone.toml")
    with pytest.raises(SettingsError, match=r"gone\.toml: no such file"):
        find_settings(None)


def test_without_any_file_both_places_are_named(elsewhere: Path) -> None:
    if Path("/etc/lumbung/lumbung.toml").exists():
        pytest.skip("this machine has a configuration of its own")
    with pytest.raises(SettingsError, match=r"neither config/lumbung\.toml nor /etc/lumbung"):
        find_settings(None)


def test_the_variable_reaches_the_command_line(tmp_path: Path, elsewhere: Path) -> None:
    site = Site(tmp_path / "project")
    site.root.mkdir()
    site.write(hosts=[host("h1")], guests=[guest("g", "h1")])
    env = {"LUMBUNG_CONFIG": str(site.config)}
    assert lumbung("collect", now=NOW, env=env).returncode == 0
    assert (site.root / "inventory.db").exists()
    assert list(elsewhere.iterdir()) == []


# What relative paths count from


def test_the_root_is_the_folder_of_the_file_or_above_config(tmp_path: Path) -> None:
    assert loaded(tmp_path / "p" / "lumbung.toml").root == tmp_path / "p"
    assert loaded(tmp_path / "q" / "config" / "site.toml").root == tmp_path / "q"
    assert loaded(tmp_path / "r" / "configs" / "site.toml").root == tmp_path / "r" / "configs"


def test_the_store_counts_from_the_root_and_the_rest_from_the_file(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for name in ("policy.toml", "estate.yaml"):
        (config / name).write_text("")
    text = HEAD + FILES + '[policy]\nfile = "policy.toml"\n[estate]\nfile = "estate.yaml"\n'
    settings = loaded(config / "lumbung.toml", text)
    assert store_url(settings, None).database == str(tmp_path / "inventory.db")
    assert settings.sources[0].options.path == config / "csv"  # type: ignore[attr-defined]
    assert (settings.policy_file, settings.estate_file) == (
        config / "policy.toml", config / "estate.yaml",
    )  # fmt: skip


def test_a_relative_configuration_is_found_from_where_it_was_named(elsewhere: Path) -> None:
    loaded(elsewhere / "config" / "lumbung.toml")
    settings = load_settings(Path("config/lumbung.toml"))
    assert settings.root == elsewhere
    assert settings.path.is_absolute()


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lumbung\.toml:3: Expected '=' after a key"):
        loaded(tmp_path / "lumbung.toml", f"{HEAD}poll minutes = 5\n")


def test_a_source_that_is_named_twice_is_chosen_once(tmp_path: Path) -> None:
    both = FILES + FILES.replace('"a"', '"b"')
    settings = loaded(tmp_path / "lumbung.toml", HEAD + both)
    assert [source.name for source in settings.chosen(["b", "a", "b"])] == ["b", "a"]
    assert [source.name for source in settings.chosen([])] == ["a", "b"]


def test_an_absolute_store_stays_where_it_is(tmp_path: Path) -> None:
    text = HEAD + '[store]\nurl = "sqlite:////var/lib/lumbung/i.db"\n' + FILES
    settings = loaded(tmp_path / "lumbung.toml", text)
    assert store_url(settings, None).database == "/var/lib/lumbung/i.db"


def test_the_option_db_wins_and_counts_from_where_one_is(elsewhere: Path) -> None:
    settings = loaded(elsewhere / "config" / "lumbung.toml")
    url = store_url(settings, "sqlite:///other.db")
    assert url.database == str(elsewhere / "other.db")
    assert store_url(settings, "postgresql+psycopg://u@h/d").render_as_string() == (
        "postgresql+psycopg://u@h/d"
    )


def test_reports_go_to_the_root(tmp_path: Path, elsewhere: Path) -> None:
    site = Site(tmp_path)
    site.write(hosts=[host("h1")], guests=[guest("g", "h1")])
    config = tmp_path / "config"
    config.mkdir()
    text = site.config.read_text().replace('path = "site"', 'path = "../site"')
    site.config.unlink()
    (config / "lumbung.toml").write_text(text)
    for command in ("collect", "report"):
        ran = lumbung_here("--config", str(config / "lumbung.toml"), command, now=NOW)
        assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(tmp_path / "weekly" / "2026-W48")
    assert list(elsewhere.iterdir()) == []


# Values


def test_the_defaults_are_those_that_were_promised(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "lumbung.toml")
    assert settings.store.url == "sqlite:///inventory.db"
    assert (settings.schedule.poll_minutes, settings.schedule.report) == (5, "mon 06:00")
    assert (settings.history.raw_days, settings.history.hour_days) == (35, 400)
    common = settings.sources[0].common
    assert (common.timeout_seconds, common.max_parallel, common.cluster) == (60, 4, None)


def test_a_directory_is_expected_weekly_unless_it_says_otherwise(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "lumbung.toml")
    assert settings.poll_minutes(settings.sources[0]) == 7 * 24 * 60
    settings = loaded(tmp_path / "lumbung.toml", HEAD + FILES + "poll_minutes = 60\n")
    assert settings.poll_minutes(settings.sources[0]) == 60


def test_the_time_zone_may_be_left_out_for_directories_alone(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "lumbung.toml", FILES)
    assert (settings.zone.key, settings.zone_is_assumed) == ("UTC", True)
    assert not loaded(tmp_path / "lumbung.toml").zone_is_assumed


def test_a_source_is_stale_after_three_of_its_polls(tmp_path: Path) -> None:
    site = Site(tmp_path).write(NOW, hosts=[host("h1")], guests=[guest("g", "h1")])
    site.config.write_text(site.config.read_text() + "poll_minutes = 60\n")
    site.run("collect")
    for minutes, status in ((180, "ok"), (181, "stale")):
        shown = site.run("sources", "--format", "json", now=NOW + timedelta(minutes=minutes))
        assert json.loads(shown)[0]["status"] == status
    told = site.call("capacity", now=NOW + timedelta(minutes=181)).stderr
    assert "site: stale, last read 2026-11-23 01:00Z: what rests on it has no date" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            FILES + "timeout_seconds = 0\n",
            r"\[\[sources\]\] a timeout_seconds: must be more than 0$",
        ),
        (FILES + "max_parallel = 65\n", "max_parallel: .*64"),
        (FILES.replace('"a"', '"a b"'), "name: "),
        ("[schedule]\npoll_minutes = 0\n" + FILES, r":4: \[schedule\] poll_minutes"),
        ("[history]\nraw_days = 1\n" + FILES, r":4: \[history\] raw_days"),
        ('[sources]\nname = "a"\n', r"write \[\[sources\]\], with two brackets"),
        ("site2 = 1\n" + FILES, "unknown key 'site2'; did you mean 'site'"),
        ("[schedule]\npoll_minutes = '5'\n" + FILES, ":4: .*must be a number, without quotes"),
        ("[schedule]\npoll_minutes = true\n" + FILES, ":4: .*a number, not true or false"),
        ("[history]\nraw_days = 900\n" + FILES, r"hour_days \(400\) must be at least raw_days"),
        (PVE + "verify = 'no'\n", r"p verify: must be true or false, without quotes"),
        (PVE.replace("l@pve", "l@pve!c"), "p user: must be USER@REALM"),
        (PVE.replace('"c"', '"l@pve!c"'), "p token_name: must be what follows the !"),
        (FILES.replace('"csv"', '""'), "a path: is empty"),
        (FILES.replace('path = "csv"', ""), "a path: is missing"),
        ('sources = ["a"]\n', r"write \[\[sources\]\] as a table of its own"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as refusal:
        loaded(tmp_path / "lumbung.toml", HEAD * (not text.startswith(("site2", "sources"))) + text)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_mark_that_an_editor_put_before_the_file_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "lumbung.toml"
    path.write_text("\ufeff" + HEAD + FILES, encoding="utf-8")
    assert load_settings(path).sources[0].name == "a"


def test_a_value_keeps_its_kind_in_policy_and_estate_file_too(tmp_path: Path) -> None:
    policy, estate = tmp_path / "policy.toml", tmp_path / "estate.yaml"
    policy.write_text('[lead_time]\nconfirmed = "no"\n')
    with pytest.raises(SettingsError, match=r"toml:2: lead_time.confirmed: must be true or false"):
        load_policy(policy)
    policy.write_text('[tiers.1.threshold]\ncpu = "0.65"\n')
    with pytest.raises(SettingsError, match=r"toml:2: tiers.1.threshold.cpu: must be a number"):
        load_policy(policy)
    estate.write_text(
        "orders:\n  - {name: H, pool: c, count: true, stages: {proposed: 2026-01-05}}\n"
    )
    with pytest.raises(SettingsError, match=r"yaml:2: orders.0.count: .* not true or false"):
        load_estate(estate)


# Secrets


def test_a_secret_comes_from_the_environment_a_file_or_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("t.token", "unit"):
        (tmp_path / name).write_text(" s3cret \n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "unit").chmod(0o644)  # systemd guards its folder, not the file's mode
    monkeypatch.setenv("LUMBUNG_TEST_TOKEN", "s3cret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for reference in ("env:LUMBUNG_TEST_TOKEN", "file:t.token", "credential:unit"):
        found = resolve(reference, folder=tmp_path, what="token")
        assert found.get_secret_value() == "s3cret"
        assert "s3cret" not in repr(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_secret_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "t.token").write_text("s3cret")
    (tmp_path / "t.token").chmod(mode)
    with pytest.raises(SourceMisconfigured, match=f"mode {mode:04o}.*chmod 600"):
        resolve("file:t.token", folder=tmp_path, what="token")


@pytest.mark.parametrize("reference", ["s3cret", "s3cret:x", "FILE:t", "root@pam!t=s3cret"])
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(
    tmp_path: Path, reference: str
) -> None:
    with pytest.raises(SourceMisconfigured, match="keep the secret outside") as refusal:
        resolve(reference, folder=tmp_path, what="token")
    assert "s3cret" not in str(refusal.value)


# The clock


@pytest.mark.parametrize("stated", ["soon", "2026-11-23T08:00:00"])
def test_a_rehearsed_clock_needs_an_offset(stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBUNG_NOW", stated)
    with pytest.raises(SettingsError, match="LUMBUNG_NOW"):
        Session().now()


def test_the_wall_clock_is_used_otherwise() -> None:
    assert Session().now().tzinfo is not None
    assert "LUMBUNG_NOW" not in os.environ
    assert Session(at=NOW).now() == NOW
