"""Every rule: ok, risk, unknown and not applicable; what was not seen is never ok."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from estates import AS_OF, NOW, answers, days, estate, health
from inventory.platform_records import Recorder
from inventory.records import BEYOND_REACH, Backup, BackupJob, Coverage, Guest, Nic, Record
from planner.answers import answer_all
from planner.estate import SourceHealth, ToolFacts
from planner.pools import Past, questions
from planner.risks.engine import RULES, Assessment, assess
from planner.risks.lifecycle import Release, release_of, shipped
from planner.risks.rule import SEVERITIES, Finding, Outcome, Rule, Subject, not_applicable, ok, risk
from planner.risks.rule import rule as make_rule
from planner.risks.rule import unknown as not_known
from planner.risks.score import level, points
from stored import GIB, JAKARTA, datastore, disk, guest, host

BY_ID = {rule.id: rule for rule in RULES}


def job(**more: Any) -> BackupJob:
    given = {"enabled": True, "schedule": "02:00", "selects_all": True, "datastore_id": "pbs"}
    return BackupJob(job_id="nightly", cluster="c", **(given | {"retention": ""} | more))


def backup(hours: float | None, guest_id: str = "100") -> Backup:
    made = None if hours is None else NOW - timedelta(hours=hours)
    return Backup(guest_id=guest_id, cluster="c", name=f"{guest_id}/{hours}", created_at=made)


def nic(guest_id: str = "100", **more: Any) -> Nic:
    given = {"network": "vmbr0", "vlan": 10}
    return Nic(nic_id=f"{guest_id}/net0", guest_id=guest_id, cluster="c", **(given | more))


PERSONAL = guest(tags=("cls.pribadi-umum",))
PUBLIC = guest("200", tags=("expo.public", "cls.publik"))
TEMPLATE = guest(template=True, power="stopped")
CONTAINER: dict[str, Any] = {"kind": "container"}


def recorder(kept_days: float, *, checked: float = 1, **more: Any) -> Recorder:
    """A recorder of ten cameras, checked so many days ago."""
    at = NOW - timedelta(days=checked)
    given = {"cameras": 10, "cameras_recording": 10, "disks_failed": 0, "checked_at": at}
    given |= {"oldest_recording_at": at - timedelta(days=kept_days)}
    return Recorder(recorder_id="nvr", name="nvr", cluster="c", **(given | more))


GATES = {
    "name": "gates", "count": 10, "mbps": 4, "retention": {"days": 30, "basis": "Rule 7"},
}  # fmt: skip
CAMERAS = {"cameras": {"groups": [{**GATES, "recorder": "nvr"}]}}
ON_DATASTORE = {"cameras": {"groups": [{**GATES, "datastore": "nvr", "count": 1}]}}


@dataclass(frozen=True)
class Case:
    """An estate in which a rule says one thing."""

    rule: str
    expect: str
    records: tuple[Record, ...] = ()
    sources: tuple[SourceHealth, ...] | None = None
    owners: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    tool: ToolFacts | None = None
    memory: tuple[float, ...] = ()
    severity: str | None = None

    def assessed(self) -> Assessment:
        place = estate(
            *self.records,
            sources=self.sources,
            owners=self.owners,
            policy=self.policy,
            tool=self.tool,
        )
        return assess(place, answers(place, memory=self.memory), [BY_ID[self.rule]])

    def __str__(self) -> str:
        return f"{self.rule} {self.expect}"


def two_hosts(load_gib: int) -> tuple[Record, ...]:
    """Two hosts of 512 GiB, one guest on the first and one of 300 GiB on the second."""
    return (
        host("h1"),
        host("h2"),
        guest("1", host_id="h1", memory_bytes=load_gib * GIB),
        guest("2", host_id="h2", memory_bytes=300 * GIB),
    )


OUT_OF_REACH = Coverage("", "volume", "hidden", "a", BEYOND_REACH)
HIDDEN_JOBS = (health(hidden=("backup_job",)),)
FILES = (health(kind="files"),)
ENCRYPTED = {"storages": {"san": {"encrypted": True}}}
IN_CLEAR = {"storages": {"san": {"encrypted": False}}}
NOT_SAID = {"storages": {"san": {"encrypted": "unknown"}}}

CASES = [
    # BKP-001 not covered by a job
    Case("BKP-001", "ok", (guest(), job())),
    Case("BKP-001", "ok", (guest(), job(selects_all=False, guest_ids=("100",)))),
    Case("BKP-001", "ok", (guest(resource_pool="p"), job(selects_all=None, resource_pool="p"))),
    Case("BKP-001", "risk", (guest(),), severity="high"),
    Case("BKP-001", "risk", (guest(), job(enabled=False))),
    Case("BKP-001", "risk", (guest(), job(schedule=""))),
    Case("BKP-001", "risk", (guest(), job(excluded_guest_ids=("100",)))),
    Case("BKP-001", "risk", (guest(), job(host_id="h2"))),
    Case("BKP-001", "risk", (PERSONAL,), severity="critical"),
    Case("BKP-001", "ok", (guest(), job(), datastore("pbs", hosts=("h1",), enabled=True))),
    Case("BKP-001", "risk", (guest(), job(), datastore("pbs", hosts=("h2",)))),
    Case("BKP-001", "risk", (guest(), job(), datastore("pbs", enabled=False)), severity="high"),
    Case("BKP-001", "risk", (guest(), job(), disk(backup=True), datastore(enabled=False))),
    Case("BKP-001", "ok", (guest(), job(), disk(backup=False), datastore(enabled=False))),
    Case("BKP-001", "ok", (guest(), job(), disk(backup=True), datastore(enabled=None))),
    Case("BKP-001", "unknown", (guest(),), sources=HIDDEN_JOBS),
    Case("BKP-001", "unknown", (guest(template=None),)),
    Case("BKP-001", "not_applicable", (TEMPLATE,)),
    # BKP-003 a disk is left out
    Case("BKP-003", "ok", (guest(), disk(backup=True), job())),
    Case("BKP-003", "risk", (guest(), disk(backup=False), job())),
    Case("BKP-003", "unknown", (guest(), disk(backup=None), job())),
    Case("BKP-003", "risk", (guest(), disk(backup=False), job(), datastore("pbs", enabled=False))),
    Case(
        "BKP-003", "not_applicable", (guest(), disk(backup=True), job(), datastore(enabled=False))
    ),
    Case("BKP-003", "unknown", (guest(), disk(backup=True)), sources=HIDDEN_JOBS),
    Case("BKP-003", "not_applicable", (guest(), disk(backup=False))),
    Case("BKP-003", "not_applicable", (TEMPLATE, disk(backup=False), job())),
    Case("BKP-003", "not_applicable", (guest(), disk(backup=False, purpose="tpm"), job())),
    # BKP-004 the newest backup is too old
    Case("BKP-004", "ok", (guest(), backup(49))),
    Case("BKP-004", "ok", (guest(), backup(400), backup(3))),
    Case("BKP-004", "risk", (guest(), backup(51)), severity="high"),
    Case("BKP-004", "risk", (guest(tags=("crit.1",)), backup(27)), severity="critical"),
    Case("BKP-004", "ok", (guest(tags=("crit.1",)), backup(26))),
    Case("BKP-004", "ok", (guest(tags=("crit.4",)), backup(170))),
    Case("BKP-004", "risk", (guest(),), severity="high"),
    Case("BKP-004", "unknown", (guest(),), sources=(health(hidden=("backup",)),)),
    Case("BKP-004", "unknown", (guest(), backup(99)), sources=(health(hidden=("backup",)),)),
    Case("BKP-004", "ok", (guest(), backup(3)), sources=(health(hidden=("backup",)),)),
    Case("BKP-004", "unknown", (guest(), backup(None))),
    Case("BKP-004", "not_applicable", (TEMPLATE,)),
    # BKP-007 no retention
    Case("BKP-007", "ok", (job(retention="keep-daily=7"),)),
    Case("BKP-007", "ok", (job(), datastore("pbs", retention="keep-last=3"))),
    Case("BKP-007", "risk", (job(), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(), datastore("pbs", retention=None))),
    Case("BKP-007", "unknown", (job(retention=None), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(),)),
    Case("BKP-007", "not_applicable", (job(enabled=False), datastore("pbs", retention=""))),
    # DAR-001 personal data in the clear
    Case("DAR-001", "ok", (PERSONAL, disk(encrypted=True))),
    Case("DAR-001", "ok", (PERSONAL, disk(), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "risk", (PERSONAL, disk(), datastore()), owners=IN_CLEAR),
    Case("DAR-001", "risk", (PERSONAL, disk(encrypted=False), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore())),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore()), owners=NOT_SAID),
    Case("DAR-001", "unknown", (PERSONAL, disk()), sources=(health(hidden=("disk",)),)),
    Case("DAR-001", "not_applicable", (guest(tags=("cls.publik",)), disk())),
    Case("DAR-001", "not_applicable", (guest(), disk())),
    # DAR-004 cache=unsafe
    Case("DAR-004", "ok", (guest(), disk(cache="none"))),
    Case("DAR-004", "risk", (guest(), disk(cache="unsafe"))),
    Case("DAR-004", "unknown", (guest(), disk(cache=None))),
    # SEG-001 beside a public guest
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", vlan=20))),
    Case("SEG-001", "ok", (PERSONAL, nic())),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(), nic("200"))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(vlan=0), nic("200", vlan=0))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", link_down=True))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="5;8-12"))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="5;11-12"))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(), nic("200", vlan=None))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="x"))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(network=None))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC), sources=(health(hidden=("nic",)),)),
    Case("SEG-001", "not_applicable", (PERSONAL, PUBLIC)),
    Case("SEG-001", "not_applicable", (guest(), PUBLIC, nic(), nic("200"))),
    # HYP-003 privileged container
    Case("HYP-003", "ok", (guest(**CONTAINER, unprivileged=True),)),
    Case("HYP-003", "risk", (guest(**CONTAINER, unprivileged=False),)),
    Case("HYP-003", "unknown", (guest(**CONTAINER, unprivileged=None),)),
    Case("HYP-003", "not_applicable", (guest(),)),
    # PAT-001 hypervisor past its end of life
    Case("PAT-001", "ok", (host(version="9.2.1"),)),
    Case("PAT-001", "risk", (host(version="8.4.0"),)),
    Case("PAT-001", "unknown", (host(version=None),)),
    Case("PAT-001", "unknown", (host(version="77.1"),)),
    # PAT-003 guest system past its end of life
    Case("PAT-003", "ok", (guest(os="debian-13"),)),
    Case("PAT-003", "risk", (guest(os="debian-8"),), severity="high"),
    Case("PAT-003", "risk", (guest(os="l26", tags=("os.centos-7",)),)),
    Case("PAT-003", "risk", (guest(os="debian-8", tags=("expo.public",)),), severity="critical"),
    Case("PAT-003", "unknown", (guest(os="l26"),)),
    Case("PAT-003", "unknown", (guest(os=None),)),
    Case("PAT-003", "not_applicable", (guest(os="debian-8", template=True),)),
    # AVL-001 the loss of a host cannot be absorbed
    Case("AVL-001", "ok", two_hosts(200)),
    Case("AVL-001", "risk", two_hosts(300)),
    Case("AVL-001", "unknown", (*two_hosts(200), guest("3", memory_bytes=None))),
    Case("AVL-001", "unknown", two_hosts(200), sources=(health(hidden=("guest",)),)),
    Case("AVL-001", "not_applicable", (host(), guest())),
    # AVL-009 storage runs out before more can be bought
    Case("AVL-009", "unknown", (host(), datastore(used_bytes=GIB))),
    # AVL-013 memory promised beyond what a failure leaves
    Case("AVL-013", "ok", two_hosts(200)),
    Case("AVL-013", "risk", two_hosts(300)),
    Case("AVL-013", "ok", two_hosts(300), policy={"overcommit": {"memory": 1.5}}),
    Case("AVL-013", "unknown", (*two_hosts(300), host("h3", memory_bytes=None))),
    Case("AVL-013", "unknown", two_hosts(300), sources=(health(hidden=("guest",)),)),
    # PRV-001 not classified, PRV-002 no owner
    Case("PRV-001", "ok", (guest(tags=("cls.publik",)),)),
    Case("PRV-001", "risk", (guest(),)),
    Case("PRV-001", "unknown", (guest(tags=None),)),
    Case("PRV-001", "not_applicable", (TEMPLATE,)),
    Case("PRV-002", "ok", (guest(tags=("opd.dukcapil",)),)),
    Case("PRV-002", "ok", (guest(tags=None, owner="parks"),)),
    Case("PRV-002", "risk", (guest(),)),
    Case("PRV-002", "unknown", (guest(tags=None),)),
    Case("PRV-002", "not_applicable", (TEMPLATE,)),
    # Recordings of cameras
    Case("AVL-010", "ok", (recorder(30),), owners=CAMERAS),
    Case("AVL-010", "ok", (datastore("nvr"),), owners=ON_DATASTORE),
    Case("AVL-010", "risk", (recorder(29.9),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(0),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(31, disks_failed=1),), owners=CAMERAS, severity="medium"),
    Case("AVL-010", "risk", (recorder(31, cameras_recording=9),), severity="medium"),
    Case("AVL-010", "unknown", (recorder(31),)),
    Case("AVL-010", "unknown", (recorder(31, checked=31),), owners=CAMERAS),
    Case("AVL-010", "unknown", owners=CAMERAS),
    # The tool's own
    Case("OWN-002", "ok", tool=ToolFacts()),
    Case("OWN-002", "risk", tool=ToolFacts(unverified_tls=("pve",))),
    Case("OWN-002", "risk", tool=ToolFacts(unencrypted=("kvm",))),
    Case("OWN-004", "ok", tool=ToolFacts(store_mode=0o640)),
    Case("OWN-004", "risk", tool=ToolFacts(store_mode=0o644)),
    Case("OWN-004", "risk", tool=ToolFacts(store_mode=0o601)),
    Case("OWN-004", "not_applicable", tool=ToolFacts(store_mode=None)),
    Case("OWN-006", "ok", tool=ToolFacts(runs_as_root=False)),
    Case("OWN-006", "risk", tool=ToolFacts(runs_as_root=True), severity="medium"),
    Case("OWN-006", "not_applicable", tool=ToolFacts(runs_as_root=None)),
    Case("OWN-013", "ok", sources=(health(),)),
    Case("OWN-013", "risk", sources=(health(hidden=("nic",)),)),
    Case("OWN-013", "risk", sources=(health(gaps=[Coverage("", "guest", "partial", "a")]),)),
    Case(
        "OWN-013",
        "ok",
        sources=(health(gaps=[Coverage("", "volume", "hidden", "a", BEYOND_REACH)]),),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_says(case: Case) -> None:
    found = case.assessed()
    counts = dict(found.counts[case.rule])
    assert counts.get(case.expect, 0) >= 1
    assert set(counts) <= {case.expect, "not_applicable"}
    if case.severity is not None:
        assert [f.severity for f in found.findings] == [case.severity]
    for finding in found.findings:
        assert finding.evidence


def test_every_rule_was_seen_to_be_content_and_not() -> None:
    seen = {(case.rule, case.expect) for case in CASES}
    for name in set(BY_ID) - {"AVL-009"}:  # needs a history: below
        assert {(name, "ok"), (name, "risk")} <= seen, name
    can_be_unknown = {name for name in BY_ID if not name.startswith("OWN-")}
    assert can_be_unknown <= {name for name, state in seen if state == "unknown"}


@pytest.mark.parametrize(
    ("growth_gib", "lead", "expect"),
    [(0.0, 314, "ok"), (20.0, 314, "risk"), (20.0, 10, "ok")],
)
def test_storage_that_runs_out_before_more_can_be_bought(
    growth_gib: float, lead: int, expect: str
) -> None:
    policy = {"lead_time": {"delivery_days": lead, "approval_days": 0, "tender_days": 0,
                            "installation_days": 0, "safety_days": 0}}  # fmt: skip
    place = estate(datastore(used_bytes=2000 * GIB), policy=policy)
    values = [(1000 + growth_gib * i) * GIB for i in range(90)]
    past = Past(datastore_days={(1, "storage"): days(values)})
    found = assess(place, answer_all(place, questions(place, past, JAKARTA)), [BY_ID["AVL-009"]])
    assert dict(found.counts["AVL-009"]) == {expect: 1}


# What was not seen


def test_unknown_encryption_is_reported_not_assumed() -> None:
    case = Case("DAR-001", "unknown", (PERSONAL, disk(), datastore()))
    [finding] = case.assessed().findings
    assert finding.outcome.state == "unknown"
    assert finding.evidence == "nothing says whether san is encrypted"
    assert finding.points == 0


NEEDED = {(rule.id, kind) for rule in RULES for kind in rule.needs}
EVERYTHING: tuple[Record, ...] = (
    host("h1", version="9.1"), host("h2", version="9.1"), PERSONAL, PUBLIC,
    disk(encrypted=True, backup=True, cache="none"), nic(), nic("200", vlan=20),
    datastore(), datastore("pbs", retention="keep-last=1"), job(retention="x"), backup(1),
    backup(1, "200"),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "kind"), sorted(NEEDED))
def test_a_rule_whose_facts_are_hidden_is_unknown_and_never_ok(rule: str, kind: str) -> None:
    whole = Case(rule, "", EVERYTHING).assessed()
    assert whole.total("ok") >= 1
    assert whole.total("unknown") == 0
    blind = Case(rule, "", EVERYTHING, sources=(health(hidden=(kind,)),)).assessed()
    assert blind.total("ok") == 0
    assert blind.total("unknown") >= whole.total("ok")
    assert blind.findings[0].outcome.reason == f"{kind}: no right"


def test_what_one_guest_hides_leaves_the_others_judged() -> None:
    gap = Coverage("guest/100", "nic", "failed", "locked")
    records = (PERSONAL, guest("101", tags=("cls.pribadi-umum",)), nic(), nic("101"))
    found = Case("SEG-001", "", records, sources=(health(gaps=[gap]),)).assessed()
    assert dict(found.counts["SEG-001"]) == {"unknown": 1, "ok": 1}


def test_a_kind_that_is_hidden_is_told_once_and_counts_for_every_subject() -> None:
    guests = tuple(guest(str(i)) for i in range(50))
    found = Case("BKP-001", "", guests, sources=HIDDEN_JOBS).assessed()
    [finding] = found.findings
    assert finding.subject.label == "source site (50 guests)"
    assert found.counts["BKP-001"] == {"unknown": 50}
    assert found.coverage_percent == 0


def test_guests_that_a_source_hides_are_told_by_every_rule_about_guests() -> None:
    gap = Coverage("", "guest", "partial", "3 of 5 are seen")
    found = Case("PRV-002", "", (guest(tags=("opd.a",)),), sources=(health(gaps=[gap]),)).assessed()
    assert dict(found.counts["PRV-002"]) == {"ok": 1, "unknown": 1}
    assert found.findings[0].outcome.reason == "guest: 3 of 5 are seen"


@pytest.mark.parametrize("rule", [r.id for r in RULES if r.sources and "files" not in r.sources])
def test_a_source_that_a_rule_cannot_judge_is_not_asked(rule: str) -> None:
    found = Case(rule, "", EVERYTHING, sources=FILES).assessed()
    assert found.findings == ()
    assert dict(found.counts[rule]) == {}


def test_coverage_is_what_was_judged_of_what_was_asked() -> None:
    records = (guest("1", tags=("cls.publik",)), guest("2"), guest("3", tags=None), TEMPLATE)
    found = Case("PRV-001", "", records).assessed()
    assert found.coverage_percent == pytest.approx(200 / 3)
    assert assess(estate(), (), []).coverage_percent is None


# Findings


def test_a_finding_keeps_its_id_whatever_is_said_about_it() -> None:
    def ids(one: Guest) -> list[str]:
        return [f.id for f in Case("PRV-001", "", (one,)).assessed().findings]

    first = ids(guest())
    assert ids(guest(name="renamed", tags=("env.prod",), host_id="h2")) == first
    assert ids(guest("101")) != first
    assert ids(guest(cluster="d")) != first
    assert first == ["PRV-001-232356af"]  # waivers and tickets name it


def test_ids_of_findings_are_unlike() -> None:
    records = [guest(str(i)) for i in range(500)]
    found = [f.id for f in assess(estate(*records), ()).findings]
    assert len(set(found)) == len(found) > 1000


def test_findings_come_worst_first_and_unknowns_last() -> None:
    records = (PERSONAL, guest("101"), guest("102", tags=None), nic(), disk(), datastore())
    found = assess(estate(*records), ()).findings
    states = [f.outcome.state for f in found]
    assert states == sorted(states, key=("risk", "unknown").index)
    risks = [SEVERITIES.index(f.severity) for f in found if f.outcome.state == "risk"]
    assert risks == sorted(risks, reverse=True)


def test_a_disks_finding_belongs_to_its_guest() -> None:
    found = Case("DAR-004", "", (PERSONAL, disk(cache="unsafe"))).assessed()
    [finding] = found.by_guest()["c/100"]
    assert finding.subject.classification == "pribadi-umum"
    assert finding.points == 30


# Points


@pytest.mark.parametrize(
    ("severity", "group", "classification", "public", "expected"),
    [
        ("critical", "backup", "publik", False, 40),
        ("critical", "backup", "terbatas", False, 50),
        ("critical", "backup", "infra", False, 50),
        ("critical", "backup", "pribadi-umum", False, 60),
        ("critical", "backup", "pribadi-spesifik", False, 80),
        ("critical", "backup", None, False, 60),
        ("critical", "segregation", "pribadi-spesifik", True, 100),
        ("critical", "backup", "pribadi-spesifik", True, 80),
        ("high", "lifecycle", "publik", True, 25),
        ("high", "lifecycle", "publik", False, 20),
        ("medium", "privacy", "publik", False, 8),
        ("medium", "network", "pribadi-umum", True, 15),
        ("low", "backup", "terbatas", False, 4),  # 3.75, half up
        ("low", "network", "pribadi-umum", True, 6),  # 5.625
        ("low", "backup", "pribadi-umum", False, 5),  # 4.5, half up
        ("info", "backup", "pribadi-spesifik", True, 0),
    ],
)
def test_points(
    severity: Any, group: Any, classification: str | None, public: bool, expected: int
) -> None:
    found = points(severity, group, classification=classification, public=public, guest=True)
    assert found == expected


def test_what_is_not_about_a_guest_has_no_class() -> None:
    assert points("high", "own", classification=None, public=False, guest=False) == 20


def test_the_level_is_the_worst_open_risk_never_an_average() -> None:
    findings = [
        Finding(BY_ID["PRV-001"], Subject("tool", None, "x", "x"), Outcome("risk"), severity, 0)
        for severity in SEVERITIES
    ]
    assert level([]) == "A"
    assert [level(findings[: n + 1]) for n in range(5)] == ["A", "B", "C", "D", "E"]
    unknown = Finding(
        BY_ID["PRV-001"], Subject("tool", None, "x", "x"), not_known("?"), "critical", 0
    )
    assert level([unknown]) == "A"


# The catalogue


def test_every_rule_says_why_how_and_by_what_control() -> None:
    assert len(BY_ID) == len(RULES) >= 12
    for one in RULES:
        assert one.title
        assert one.why.endswith(".")
        assert one.fix.endswith(".")
        assert one.refs
        assert one.severity in SEVERITIES


def test_a_rule_is_one_decorated_function() -> None:
    @make_rule("T-1", "T", subject="tool", severity="low", group="own", why="w.", fix="f.")
    def silent(tool: ToolFacts, place: Any) -> Outcome:
        return risk(seen=("a", "b"), share=0.5) if tool.runs_as_root else ok()

    assert isinstance(silent, Rule)
    loud = assess(estate(tool=ToolFacts(runs_as_root=True)), (), [silent])
    assert [f.evidence for f in loud.findings] == ["seen=a, b; share=0.5"]
    assert assess(estate(), (), [silent]).findings == ()
    assert not_applicable("why").reason == "why"


# Ends of life


def name_of(release: Release | None) -> str | None:
    return release.label if release else None


@pytest.mark.parametrize(
    ("os", "expected"),
    [
        ("debian-12", "debian 12"),
        ("Debian GNU/Linux 12 (bookworm)", "debian 12"),
        ("ubuntu-22.04", "ubuntu 22.04"),
        ("Ubuntu 22.04.3 LTS", "ubuntu 22.04"),
        ("http://debian.org/debian/11", "debian 11"),
        ("CentOS Linux 7.9", "centos 7"),
        ("Windows Server 2012 R2", "windows-server 2012-r2"),
        ("windows server 2019", "windows-server 2019"),
        ("win2k19", None),
        ("l26", None),
        ("other", None),
        ("", None),
    ],
)
def test_a_release_is_recognised_or_said_to_be_too_vague(os: str, expected: str | None) -> None:
    assert name_of(release_of(os, shipped())) == expected


def test_a_system_is_supported_on_its_last_day() -> None:
    ends = shipped().find("debian", "10")
    assert ends is not None
    assert ends.ends is not None
    for day, state in ((ends.ends, "ok"), (ends.ends + timedelta(days=1), "risk")):
        found = assess(estate(guest(os="debian-10"), as_of=day), (), [BY_ID["PAT-003"]])
        assert dict(found.counts["PAT-003"]) == {state: 1}


def test_paid_support_counts_only_where_a_tag_says_it_was_bought() -> None:
    release = shipped().find("ubuntu", "18.04")
    assert release is not None
    assert release.extended_ends is not None
    assert release.extended_ends > AS_OF
    for tags, state in ((("support.esm",), "ok"), ((), "risk")):
        one = guest(os="ubuntu-18.04", tags=tags)
        assert dict(assess(estate(one), (), [BY_ID["PAT-003"]]).counts["PAT-003"]) == {state: 1}
    assert isinstance(shipped().dated, date)
