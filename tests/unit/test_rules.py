"""Every rule: ok, risk, unknown and not applicable; what was not seen is never ok."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest

from estates import AS_OF, answers, days, estate, health
from inventory.records import Coverage, Guest, Record
from planner.answers import answer_all
from planner.eol import Release, release_of, shipped
from planner.estate import ToolFacts
from planner.past import Past
from planner.policy import RiskPolicy
from planner.questions import questions
from planner.risks.catalogue import BY_ID, RULES, UnknownRule, absent, chosen, texts_of, translated
from planner.risks.engine import assess
from planner.risks.rule import (
    SEVERITIES,
    Finding,
    Outcome,
    Rule,
    Subject,
    inferred,
    not_applicable,
    ok,
    risk,
)
from planner.risks.rule import rule as make_rule
from planner.risks.rule import unknown as not_known
from planner.risks.score import level, weights
from rule_cases import (
    BASE,
    CLEAN_OWNERS,
    FILES,
    HIDDEN_JOBS,
    PERSONAL,
    TEMPLATE,
    Case,
    Flip,
    availability,
    backup,
    data_at_rest,
    hypervisor,
    identity,
    lifecycle,
    monitoring,
    network,
    nic,
    own,
    privacy,
    segregation,
)  # fmt: skip
from stored import GIB, JAKARTA, datastore, disk, guest, host

GROUPS: tuple[ModuleType, ...] = (
    backup, data_at_rest, network, segregation, identity, hypervisor, lifecycle, availability,
    privacy, monitoring, own,
)  # fmt: skip
CASES: list[Case] = [case for group in GROUPS for case in group.CASES]
CLEAN: list[Record] = [*BASE, *(record for group in GROUPS for record in group.CLEAN)]
FLIPS: list[Flip] = [flip for group in GROUPS for flip in group.FLIPS]


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
    certain = {rule.id for rule in RULES if rule.subject in ("tool", "service", "source", "waiver")}
    assert set(BY_ID) - certain <= {name for name, state in seen if state == "unknown"}


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


def test_a_clean_estate_has_no_risk() -> None:
    assert fired(CLEAN) == set()


def test_every_rule_is_flipped() -> None:
    assert {name for flip in FLIPS for name in (flip.rule, *flip.also)} == set(BY_ID)


@pytest.mark.parametrize("flip", FLIPS, ids=str)
def test_one_changed_fact_of_a_clean_estate_fires_what_follows_from_it(flip: Flip) -> None:
    changed = [record for record in CLEAN if record != flip.was]
    assert flip.was is None or len(changed) == len(CLEAN) - 1
    changed += [*([flip.becomes] if flip.becomes is not None else []), *flip.more]
    assert fired(changed, flip) == {flip.rule, *flip.also}


def fired(records: list[Record], changed: Flip | None = None) -> set[str]:
    """The rules that find a risk in facts that have been as they are for long."""
    flip = changed or Flip("")
    place = estate(
        *records, owners=flip.owners or CLEAN_OWNERS, policy=flip.policy, tool=flip.tool,
        sources=flip.sources, eol=flip.eol, changes=flip.changes, days_seen=400,
    )  # fmt: skip
    told = answers(place, storage=flip.storage)
    return {finding.rule.id for finding in assess(place, told).risks}


NEEDED = {(rule.id, kind) for rule in RULES for kind in rule.needs}


@pytest.mark.parametrize(("rule", "kind"), sorted(NEEDED))
def test_a_rule_whose_facts_are_hidden_is_unknown_and_never_ok(rule: str, kind: str) -> None:
    clean = Case(rule, "", tuple(CLEAN), owners=CLEAN_OWNERS, days_seen=400)
    whole = clean.assessed()
    assert whole.total("ok") >= 1
    assert whole.total("unknown") == 0
    blind = replace(clean, sources=(health(hidden=(kind,)),)).assessed()
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
    found = Case(rule, "", tuple(CLEAN), sources=FILES).assessed()
    assert found.findings == ()
    assert dict(found.counts[rule]) == {}


def test_coverage_is_what_was_judged_of_what_was_asked() -> None:
    records = (guest("1", tags=("cls.publik",)), guest("2"), guest("3", tags=None), TEMPLATE)
    found = Case("PRV-001", "", records).assessed()
    assert found.coverage_percent == 66.6  # rounded down
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


def test_the_single_host_of_a_cluster_stands_for_its_guests_without_high_availability() -> None:
    place = estate(host(), guest(tags=("crit.1",)), guest("101", tags=("crit.1",)))
    found = assess(place, answers(place), [BY_ID["AVL-003"], BY_ID["AVL-006"]])
    [finding] = found.risks
    assert finding.rule.id == "AVL-006"
    assert "stands_for=AVL-003 × 2" in finding.evidence


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
        ("medium", "identity", "pribadi-umum", True, 15),
        ("medium", "hypervisor", "pribadi-umum", True, 12),
        ("info", "backup", "pribadi-spesifik", True, 0),
    ],
)
def test_points(
    severity: Any, group: Any, classification: str | None, public: bool, expected: int
) -> None:
    subject = Subject("guest", None, "g", "g", classification=classification, public=public)
    assert weights(severity, group, subject, risk()).points == expected


def test_what_is_not_about_a_guest_has_no_class() -> None:
    assert weights("high", "own", Subject("host", None, "h", "h"), risk()).points == 20


def test_points_say_how_they_come_about() -> None:
    subject = Subject("guest", None, "g", "g", classification="pribadi-umum", public=True)
    told = weights("high", "network", subject, inferred(sign="name")).formula
    assert told == "high 20 × pribadi-umum 1.5 × public 1.25 × inferred 0.5 = 19"
    unclassified = Subject("guest", None, "g", "g")
    assert weights("low", "own", unclassified, risk()).formula == (
        "low 3 × class not known 1.5 = 5"
    )
    assert weights("low", "own", Subject("tool", None, "t", "t"), risk()).formula == "low 3 = 3"


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
    assert {name for rule in RULES for name in rule.mutes} <= set(BY_ID)
    for one in RULES:
        assert one.title
        assert one.why.endswith(".")
        assert one.fix.endswith(".")
        assert one.severity in SEVERITIES


def test_every_rule_is_told_in_indonesian_too() -> None:
    assert set(translated("id")) == set(BY_ID)
    for one in RULES:
        texts = texts_of(one, "id")
        assert texts.title != one.title
        assert texts.why.endswith(".")
        assert texts.fix.endswith(".")


def test_a_rule_that_cannot_be_had_says_why() -> None:
    assert {one.id for one in absent()}.isdisjoint(BY_ID)
    assert all(one.reason.endswith(".") for one in absent())


def test_a_policy_says_which_rules_are_asked() -> None:
    essential = chosen(RiskPolicy())
    assert essential == tuple(rule for rule in RULES if rule.essential)
    assert chosen(RiskPolicy(profile="full")) == RULES
    assert chosen(RiskPolicy(off=("DAR-004",))) == tuple(
        rule for rule in essential if rule.id != "DAR-004"
    )
    with pytest.raises(UnknownRule, match=r"no rule is called 'DAR-0044'; DAR-004\?"):
        chosen(RiskPolicy(also=("DAR-0044",)))


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
