"""Orders, gates and quantities from `files` directories through the command line."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from command_line import Ran
from site_files import GIB, NOW, Site, guest, host

POLICY = """\
[lead_time]
approval_days = 5
tender_days = 5
delivery_days = 10
installation_days = 5
safety_days = 5
confirmed = true
[reserve]
memory_gib_per_host = 0
"""
GATE = """\
version: 1
budget:
  gates:
    - {name: RKA, submit_by: 09-01, spend_from: 01-01}
"""


def growing(folder: Path, *, estate: str = "", policy: str = POLICY) -> Site:
    """Four hosts whose memory grows by 2 GiB a day to 1,000: example 4."""
    usage = [
        {
            "taken_at": (NOW - timedelta(days=d)).replace(hour=0).isoformat(),
            "entity": "host",
            "entity_id": f"h{i}",
            "period_seconds": 86_400,
            "cpu_used_cores": 2,
            "memory_used_bytes": int((998 - 2 * d) / 4 * GIB),
        }
        for d in range(80)
        for i in range(4)
    ]
    site = Site(folder, estate=estate, policy=policy)
    site.write(
        taken_at=NOW - timedelta(hours=1),
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[guest("g", "h0")],
        usage=usage,
    )
    return site.collect()


def orders_of(site: Site) -> list[dict[str, str]]:
    link = Path(site.run("report").strip())
    with (link / "orders.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def leads(days: int) -> str:
    """A confirmed lead of so many days, on the base path."""
    return (
        "[lead_time]\napproval_days = 0\ntender_days = 0\ninstallation_days = 0\n"
        f"safety_days = 0\ndelivery_days = {days}\nconfirmed = true\n"
        '[forecast]\norder_by_basis = "base"\n[reserve]\nmemory_gib_per_host = 0\n'
    )


@pytest.mark.parametrize(
    ("days", "order_by", "overdue", "status"),
    [(240, "2026-07-21", 125, "overdue"), (60, "2027-01-17", 0, "plan")],
)
def test_examples_4_and_5_the_order_by_date(
    tmp_path: Path, days: int, order_by: str, overdue: int, status: str
) -> None:
    row = growing(tmp_path, policy=leads(days)).pool("memory", "demand")
    assert row["headroom"] == pytest.approx(228.8, abs=0.01)
    assert (row["runway_days"], row["first_over_date"]) == (114, "2027-03-18")
    assert (row["order_by_date"], row["order_overdue_days"]) == (order_by, overdue)
    assert row["status"] == status


def test_example_11_a_committed_project_and_a_tentative_one_beside_it(tmp_path: Path) -> None:
    project = "{name: p, pool: c1, status: %s, probability: 1, when: 2026-12-23, memory_gib: 200}"
    for status, columns in (
        ("committed", ("runway_days", "first_over_date")),
        ("tentative", ("runway_days_with_tentative", "first_over_date_with_tentative")),
    ):
        estate = f"version: 1\nprojects: [{project % status}]\n"
        row = growing(tmp_path / status, estate=estate).pool("memory", "demand")
        assert [row[column] for column in columns] == [29, "2026-12-23"]
        assert row["committed_projects"] == (200 if status == "committed" else 0)


def test_example_38_a_missed_gate_is_told_with_the_next_one(tmp_path: Path) -> None:
    site = growing(tmp_path, estate=GATE)
    row = site.pool("memory", "demand")
    assert row["first_over_date"] == "2027-03-18"
    assert "2027-01-01" < row["order_by_date"] <= "2027-03-10"
    assert (row["budget_by_date"], row["budget_missed"]) == ("2026-09-01", 1)
    assert row["status"] in ("plan", "ok")
    [order] = orders_of(site)
    assert (order["budget_by_date"], order["budget_missed"]) == ("2026-09-01", "1")
    assert order["feasible_by_date"] == "2026-09-01"
    assert order["gate"] == "RKA, missed; next RKA by 2027-09-01, money from 2028-01-01"
    assert int(order["shortfall_days"]) > 250
    told = site.run("explain", "pool/c1/memory/demand/budget_missed")
    assert "RKA: hand in by 2026-09-01, spend from 2027-01-01 on: MISSED" in told
    assert "the next that is open: RKA: hand in by 2027-09-01" in told


def test_without_gates_the_columns_are_empty(tmp_path: Path) -> None:
    row = growing(tmp_path).pool("memory", "demand")
    assert (row["budget_by_date"], row["budget_missed"]) == (None, None)
    # It arrives when 1,228.8 GiB are used; two years of 2 GiB a day later 1,460 are more than three
    # hosts of 0.8 × 512 add.
    assert row["buy_quantity"] == 4


ORDERS = """\
version: 1
pools:
  c1: {owner: Bidang Infrastruktur}
orders:
  - {name: Host 2025, pool: c1, stages: {proposed: 2024-01-10, in_service: 2024-11-01}}
  - {name: Host 2026, pool: c1, stages: {proposed: 2025-02-01, in_service: 2025-12-20}}
  - {name: Host 2027, pool: c1, stages: {proposed: 2025-06-01, in_service: 2026-05-02}}
  - name: Host 2028
    pool: c1
    cpu_cores: 32
    memory_gib: 512
    price: 480000000
    stages: {proposed: 2026-05-01, contracted: 2026-10-12, in_service: 2027-02-15}
"""


def test_past_orders_teach_the_lead_and_a_pending_one_lengthens_the_runway(tmp_path: Path) -> None:
    site = growing(tmp_path, estate=ORDERS, policy="")
    row = site.pool("memory", "demand")
    assert "lead_learnt" in row["flags"].split()
    assert row["lead_days"] == 322 + 30  # 296, 322 and 335 days, and the safety days
    assert row["first_over_date"] > "2027-09-01"
    pending = orders_of(site)[-1]
    assert (pending["order"], pending["stage"], pending["status"]) == (
        "Host 2028",
        "contracted",
        "ok",
    )
    assert (pending["in_service_date"], pending["cost"]) == ("2027-02-15", "480000000")
    assert pending["owner"] == "Bidang Infrastruktur"


# Bad files: one clear line with file and line


def told(ran: Ran, *words: str) -> None:
    assert ran.returncode == 2, ran.stderr
    [line] = ran.stderr.splitlines()
    for word in words:
        assert word in line, line


FAULTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown key": (
        (
            "version: 1\norders:\n  - name: a\n    pool: c1\n    colour: red\n"
            "    stages: {proposed: 2026-01-01}\n"
        ),
        ("estate.yaml:5", "orders.0.colour", "unknown key"),
    ),
    "no stage": (
        "version: 1\norders:\n  - name: a\n    pool: c1\n    stages: {}\n",
        ("estate.yaml:5", "at least one stage"),
    ),
    "an unknown stage": (
        "version: 1\norders:\n  - name: a\n    pool: c1\n    stages:\n      deliverd: 2026-01-01\n",
        ("estate.yaml:6", "did you mean 'delivered'?"),
    ),
    "stages out of order": (
        (
            "version: 1\norders:\n  - name: a\n    pool: c1\n    stages:\n"
            "      contracted: 2026-03-01\n      delivered: 2026-02-01\n"
        ),
        ("estate.yaml:7", "2026-02-01 is before contracted 2026-03-01"),
    ),
    "done, and to come": (
        (
            "version: 1\norders:\n  - name: a\n    pool: c1\n    stage: delivered\n"
            "    stages: {delivered: 2027-03-01}\n"
        ),
        ("estate.yaml:5", "order 'a'", "delivered is said to be reached", "to come"),
    ),
    "no date": (
        "version: 1\norders:\n  - name: a\n    pool: c1\n    stages: {delivered: soon}\n",
        ("estate.yaml:5", "orders.0.stages.delivered", "date"),
    ),
    "a name twice": (
        (
            "version: 1\norders:\n  - {name: a, pool: c1, stages: {proposed: 2026-01-01}}\n"
            "  - {name: a, pool: c1, stages: {proposed: 2026-01-01}}\n"
        ),
        ("estate.yaml:4", "'a' is there twice"),
    ),
    "a day that no year has": (
        (
            "version: 1\nbudget:\n  gates:\n    - name: RKA\n      submit_by: 31-08\n"
            "      spend_from: 01-01\n"
        ),
        ("estate.yaml:5", "'31-08' is no day of the year", "MM-DD"),
    ),
    "money before it is asked for": (
        (
            "version: 1\nbudget:\n  gates:\n    - name: RKA\n      rounds:\n"
            "        - submit_by: 2026-09-01\n          spend_from: 2026-01-01\n"
        ),
        ("estate.yaml:7", "2026-01-01 is before submit_by 2026-09-01"),
    ),
    "sizes that do not follow": (
        (
            "version: 1\nprojects:\n  - name: p\n    pool: c1\n    when: 2027-01-01\n"
            "    memory_gib: {low: 9, mid: 5, high: 7}\n"
        ),
        ("estate.yaml:6", "low 9, mid 5, high 7 do not follow"),
    ),
    "a service that is not there": (
        "version: 1\nguests:\n  - match: {vmid: 1}\n    service: x\n",
        ("estate.yaml:4", "'x' is no service here"),
    ),
    "no YAML": ("version: 1\norders: [\n", ("estate.yaml:3",)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_estate_file_is_one_line_with_its_line(tmp_path: Path, name: str) -> None:
    text, words = FAULTS[name]
    site = Site(tmp_path, estate=text).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    told(site.call("capacity"), *words)
    told(site.call("estate", "check"), *words)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("[buy]\ntarget_dais = 3\n", ("policy.toml:2", "did you mean 'target_days'?")),
        ("[buy]\ntarget_days = 3\n", ("policy.toml:2", "30")),
        ("[buy\n", ("policy.toml:1",)),
    ],
)
def test_a_fault_in_the_policy_is_one_line_with_its_line(
    tmp_path: Path, policy: str, words: tuple[str, ...]
) -> None:
    site = Site(tmp_path, policy=policy).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    told(site.call("capacity"), *words)


UNKNOWN_POOL = """\
version: 1
projects:
  - name: Portal
    status: committed
    pool: c11
    when: 2027-01-01
    memory_gib: 9
"""


def test_a_project_in_an_unknown_pool_is_told_by_the_report_and_by_the_check(
    tmp_path: Path,
) -> None:
    site = growing(tmp_path, estate=UNKNOWN_POOL)
    why = "project 'Portal': no pool is named 'c11', so it counts nowhere; did you mean 'c1'?"
    checked = site.call("estate", "check")
    assert checked.returncode == 2
    assert checked.stdout == f"{tmp_path / 'estate.yaml'}:5: {why}\n"
    reported = site.call("report")
    assert reported.returncode == 0
    assert why in reported.stderr
    brief = (tmp_path / "weekly" / "latest" / "brief.html").read_text()
    assert "counts nowhere" in brief


def test_a_right_file_and_one_without_a_store_are_checked(tmp_path: Path) -> None:
    site = Site(tmp_path, estate=ORDERS).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    early = site.call("estate", "check")
    assert early.returncode == 0
    assert "the names of pools are not checked" in early.stderr
    site.collect()
    right = site.call("estate", "check")
    assert (right.returncode, right.stdout) == (0, "")
    assert "4 orders, 0 budget gates: no fault found" in right.stderr
    bare = Site(tmp_path / "bare").write(hosts=[host("h0")], guests=[guest("g", "h0")])
    told(bare.call("estate", "check"), "names no estate file")


def test_a_column_says_the_same_everywhere(tmp_path: Path) -> None:
    site = growing(tmp_path, estate=GATE)
    rows: list[dict[str, Any]] = site.rows("capacity")
    needed = max(row["buy_quantity"] for row in rows if row["buy_quantity"] is not None)
    [order] = orders_of(site)
    assert int(order["quantity"]) == needed
