"""Privacy and classification."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

from estates import AS_OF, NOW, health
from inventory.platform_records import Grant, Principal, Role
from inventory.records import Backup, Record
from rule_cases import (
    CAMERAS,
    CLEAN_OWNERS,
    GATES,
    GUEST,
    PERSONAL,
    TEMPLATE,
    Case,
    Flip,
    backup_of,
    job,
    recorder,
)
from stored import datastore, disk, guest

YEAR = timedelta(days=365)
SERVICE = CLEAN_OWNERS["services"]["registry"]


def service(**more: Any) -> dict[str, Any]:
    """The owners' file with the clean estate's service, changed."""
    return CLEAN_OWNERS | {"services": {"registry": SERVICE | more}}


def without(table: str) -> dict[str, Any]:
    """The owners' file without an entry of the organisation."""
    owners = deepcopy(CLEAN_OWNERS)
    del owners["organisation"][table]
    return owners


def storages(**san: Any) -> dict[str, Any]:
    return CLEAN_OWNERS | {"storages": {"san": san, "pbs": {"country": "ID"}}}


def cameras(**more: Any) -> dict[str, Any]:
    group = {**GATES, "recorder": "nvr", "purpose": "traffic", "notice_ref": "N-1"}
    return {"cameras": {"groups": [group | {"identifies_persons": False} | more]}}


def processor(**more: Any) -> dict[str, Any]:
    entry = {"vendor@pve": {"kind": "processor", **more}}
    return CLEAN_OWNERS | {"principals": CLEAN_OWNERS["principals"] | entry}


OPERATOR = Role(role_id="Operator", cluster="c", privileges=("VM.Audit", "VM.Console"))


def grant(path: str, who: str = "vendor@pve") -> Grant:
    return Grant(path=path, principal_id=who, role_id="Operator", cluster="c")


VENDOR = Principal(
    principal_id="vendor@pve", cluster="c", kind="user", enabled=True, expires=True,
    expires_at=NOW + timedelta(days=90), second_factors=("totp",), locked=False,
    purpose_stated=True, contact_stated=True,
)  # fmt: skip
VENDORS = Principal(principal_id="@vendors", cluster="c", kind="group", members=("vendor@pve",))
REACHES = (PERSONAL, VENDOR, OPERATOR)
KEPT = ("cls.pribadi-umum", "ret.30d")
CLONE = disk("200", linked_clone_of="base-100-disk-0")
TEST = guest("200", tags=("cls.publik", "env.test"))
ON_SAN = (PERSONAL, disk(), datastore())
GONE = (datastore(), datastore("pbs"), backup_of("7", 24 * 31))

CASES: list[Case] = [
    # PRV-001 not classified, PRV-002 no owner
    Case("PRV-001", "ok", (guest(tags=("cls.publik",)),)),
    Case("PRV-001", "risk", (guest(),)),
    Case("PRV-001", "unknown", (guest(tags=None),)),
    Case("PRV-001", "not_applicable", (TEMPLATE,)),
    Case("PRV-002", "ok", (guest(tags=("opd.dukcapil",)),)),
    Case("PRV-002", "ok", (guest(tags=None, owner="parks"),)),
    Case("PRV-002", "risk", (guest(tags=("opd.dukcpil",)),), owners=CLEAN_OWNERS),
    Case("PRV-002", "risk", (guest(),)),
    Case("PRV-002", "unknown", (guest(tags=None),)),
    Case("PRV-002", "not_applicable", (TEMPLATE,)),
    # PRV-003 no retention period: of a service, and of a guest in none
    Case("PRV-003", "ok", owners=service()),
    Case("PRV-003", "ok", owners=service(retention={"basis": "JRA 3.1"})),
    Case("PRV-003", "risk", owners=service(retention={})),
    Case("PRV-003", "ok", (guest(tags=KEPT),)),
    Case("PRV-003", "ok", (guest(tags=(*KEPT, "svc.registry")),), owners=service(retention={})),
    Case("PRV-003", "risk", (PERSONAL,), severity="high"),
    Case("PRV-003", "unknown", (guest(tags=None),), owners={
        "guests": [{"match": {"guest_id": "100"}, "classification": "pribadi-umum"}]}),
    Case("PRV-003", "not_applicable", (guest(tags=("cls.publik",)), TEMPLATE)),
    # PRV-004, 005, 007, 016, 017, 019 what is declared of a service
    Case("PRV-004", "ok", owners=service()),
    Case("PRV-004", "risk", owners=service(ropa_id=None)),
    Case("PRV-004", "not_applicable", owners=service(ropa_id=None, classification="publik")),
    Case("PRV-005", "ok", owners=service()),
    Case("PRV-005", "risk", owners=service(dpia_ref=None)),
    Case("PRV-005", "risk", owners=service(dpia_on=AS_OF - 3 * YEAR)),
    Case("PRV-005", "unknown", owners=service(dpia_on=None)),
    Case("PRV-005", "unknown", owners=service(dpia_on=AS_OF + timedelta(days=1))),
    Case("PRV-005", "not_applicable", owners=service(classification="pribadi-umum")),
    Case("PRV-007", "ok", owners=service()),
    Case("PRV-007", "ok", owners=without("dpo") | {
        "services": {"registry": SERVICE | {"dp_contact": "pdp@opd"}}}),
    Case("PRV-007", "risk", owners=without("dpo")),
    Case("PRV-007", "not_applicable", owners=service(classification=None)),
    Case("PRV-016", "ok", owners=service()),
    Case("PRV-016", "risk", owners=without("incident")),
    Case("PRV-016", "not_applicable", owners=service(classification="terbatas")),
    Case("PRV-017", "ok", owners=service()),
    Case("PRV-017", "risk", owners=service(system_category=None)),
    Case("PRV-017", "risk", owners=service(assessed_on=AS_OF - 3 * YEAR)),
    Case("PRV-019", "ok", owners=service()),
    Case("PRV-019", "risk", owners=service(reviewed_at=AS_OF - YEAR - timedelta(days=1))),
    Case("PRV-017", "unknown", owners=service(assessed_on=AS_OF + timedelta(days=1))),
    Case("PRV-019", "unknown", owners=service(reviewed_at=None)),
    Case("PRV-019", "unknown", owners=service(reviewed_at=AS_OF + timedelta(days=1))),
    # PRV-006 abroad
    Case("PRV-006", "ok", ON_SAN, owners=storages(country="ID")),
    Case("PRV-006", "risk", ON_SAN, owners=storages(country="SG"), severity="critical"),
    Case("PRV-006", "ok", ON_SAN, owners=storages(country="SG", abroad_ref="exemption 12")),
    Case("PRV-006", "ok", ON_SAN, owners=storages(country="SG"),
         policy={"privacy": {"home_country": "SG"}}),
    Case("PRV-006", "unknown", ON_SAN),
    Case("PRV-006", "risk", (PERSONAL, datastore("pbs"), job()),
         owners={"storages": {"pbs": {"country": "SG"}}}),
    Case("PRV-006", "risk", (PERSONAL, datastore("pbs"), backup_of("100", 1)),
         owners={"storages": {"pbs": {"country": "SG"}}}),
    Case("PRV-006", "unknown", (datastore("pbs", content=("backup",)),),
         sources=(health(hidden=("backup",)),)),
    Case("PRV-006", "not_applicable", (guest(tags=("cls.publik",)), disk(), datastore()),
         owners=storages(country="SG")),
    # PRV-008 backups that outlive the data
    Case("PRV-008", "ok", (guest(tags=KEPT), backup_of("100", 24 * 61))),
    Case("PRV-008", "risk", (guest(tags=KEPT), backup_of("100", 24 * 62))),
    Case("PRV-008", "ok", (guest(tags=KEPT), backup_of("100", 24 * 62, protected=True))),
    Case("PRV-008", "unknown", (guest(tags=KEPT), backup_of("100", None))),
    Case("PRV-008", "unknown", (guest(tags=KEPT),), sources=(health(hidden=("backup",)),)),
    Case("PRV-008", "not_applicable", (PERSONAL, backup_of("100", 24 * 62))),
    # PRV-009 backups of guests that are gone
    Case("PRV-009", "ok", (guest("7"), *GONE)),
    Case("PRV-009", "risk", GONE),
    Case("PRV-009", "ok", (datastore("pbs"), backup_of("7", 24 * 29))),
    Case("PRV-009", "ok", (guest("7", cluster="d"), *GONE)),
    Case("PRV-009", "unknown", (datastore("pbs", kind="pbs"), backup_of("7", 24 * 31))),
    Case("PRV-009", "unknown", (datastore("pbs"), backup_of("7", None))),
    Case("PRV-009", "unknown", GONE, sources=(health(hidden=("guest",)),)),
    Case("PRV-009", "not_applicable", (datastore(),)),
    # PRV-010 dormant
    Case("PRV-010", "ok", (PERSONAL,)),
    Case("PRV-010", "risk", (PERSONAL.model_copy(update={"power": "stopped"}),), days_seen=91),
    Case("PRV-010", "unknown", (PERSONAL.model_copy(update={"power": "stopped"}),), days_seen=89),
    Case("PRV-010", "unknown", (PERSONAL.model_copy(update={"power": None}),)),
    Case("PRV-010", "not_applicable", (guest(power="stopped"),), days_seen=91),
    # PRV-011 personal data in tests
    Case("PRV-011", "ok", (TEST,)),
    Case("PRV-011", "risk", (guest(tags=("cls.pribadi-umum", "env.dev")),)),
    Case("PRV-011", "risk", (PERSONAL, TEST, CLONE)),
    Case("PRV-011", "ok", (guest(tags=("cls.publik",)), TEST, CLONE)),
    Case("PRV-011", "unknown", (guest(), TEST, CLONE)),
    Case("PRV-011", "unknown", (TEST,), sources=(health(hidden=("disk",)),)),
    Case("PRV-011", "not_applicable", (PERSONAL,)),
    # PRV-012 private text
    Case("PRV-012", "ok", (guest(hints=()),)),
    Case("PRV-012", "ok", (guest(hints=("cloud-init-password",)),)),
    Case("PRV-012", "risk", (guest(hints=("identity-number",)),)),
    Case("PRV-012", "risk", (guest(name="ktp-3578010101900001", hints=()),)),
    Case("PRV-012", "ok", (guest(name="disk-3578019901900001", hints=()),)),  # a day that is none
    Case("PRV-012", "risk", (guest(name="budi-081234567890"),)),
    Case("PRV-012", "ok", (guest(name="secret-store", hints=()),)),
    Case("PRV-012", "unknown", (guest(hints=None),)),
    # PRV-013 classes that disagree
    Case("PRV-013", "ok", (PERSONAL,)),
    Case("PRV-013", "risk", (guest(tags=("cls.publik", "cls.terbatas")),)),
    Case("PRV-013", "risk", (PERSONAL,), owners={
        "guests": [{"match": {"guest_id": "100"}, "classification": "publik"}]}),
    Case("PRV-013", "risk", (guest(tags=("cls.pribadi-spesifik", "svc.registry")),),
         owners=service(classification="pribadi-umum")),
    Case("PRV-013", "ok", (guest(tags=("cls.pribadi-umum", "svc.registry")),), owners=service()),
    Case("PRV-013", "unknown", (guest(tags=None),), owners={
        "guests": [{"match": {"guest_id": "100"}, "classification": "publik"}]}),
    Case("PRV-013", "not_applicable", (guest(),)),
    # PRV-014 a storage that is too weak
    Case("PRV-014", "ok", ON_SAN, owners=storages(max_class="pribadi-umum")),
    Case("PRV-014", "risk", ON_SAN, owners=storages(max_class="terbatas")),
    Case("PRV-014", "unknown", (PERSONAL,), owners=storages(max_class="terbatas"),
         sources=(health(hidden=("disk",)),)),
    Case("PRV-014", "not_applicable", ON_SAN),
    # PRV-015 a processor without an agreement
    Case("PRV-015", "ok", (*REACHES, grant("/vms/100")), owners=CLEAN_OWNERS),
    Case("PRV-015", "risk", (*REACHES, grant("/vms/100")), owners=processor()),
    Case("PRV-015", "risk", (*REACHES, VENDORS, grant("/", "@vendors")), owners=processor()),
    Case("PRV-015", "risk", (*REACHES, grant("/")),
         owners=processor(agreement_ref="P", agreement_until=AS_OF - timedelta(days=1))),
    Case("PRV-015", "ok", (*REACHES, grant("/vms/101")), owners=processor()),
    Case("PRV-015", "unknown", REACHES, owners=processor(), sources=(health(hidden=("grant",)),)),
    Case("PRV-015", "not_applicable", (*REACHES, grant("/"))),
    # PRV-018 cameras
    Case("PRV-018", "ok", (recorder(30),), owners=cameras()),
    Case("PRV-018", "ok", (recorder(30),),
         owners=cameras(identifies_persons=True, identification_ref="law")),
    Case("PRV-018", "risk", (recorder(30),), owners=cameras(identifies_persons=True)),
    Case("PRV-018", "risk", (recorder(30),), owners=CAMERAS),
    Case("PRV-018", "unknown", (recorder(30),)),
    # PRV-020 no dimension
    Case("PRV-020", "ok", (guest(tags=("dim.living",)), guest("2", tags=("cls.infra",)))),
    Case("PRV-020", "risk", (guest(),), severity="info"),
    Case("PRV-020", "risk", (guest(tags=("dim.lving",)),)),
    Case("PRV-020", "unknown", (guest(tags=None),)),
    Case("PRV-020", "not_applicable", (TEMPLATE,)),
]  # fmt: skip
CLEAN: list[Record] = [VENDOR, OPERATOR, grant("/vms/200")]


def _citizens(*less: str, more: tuple[str, ...] = (), **changes: Any) -> Record:
    tags = tuple(tag for tag in GUEST.tags or () if not tag.startswith(less or "-"))
    return GUEST.model_copy(update={"tags": (*tags, *more)} | changes)


def _old(guest_id: str, days: float) -> Backup:
    return backup_of(guest_id, 24 * days)


FLIPS: list[Flip] = [
    Flip("PRV-001", GUEST, _citizens("cls")),
    Flip("PRV-002", GUEST, _citizens("opd")),
    Flip("PRV-003", GUEST, _citizens("ret")),
    Flip("PRV-004", owners=service(ropa_id=None)),
    Flip("PRV-005", owners=service(dpia_ref=None)),
    Flip("PRV-006", owners=storages(country="SG")),
    Flip("PRV-007", owners=without("dpo")),
    Flip("PRV-008", becomes=_old("100", 400)),
    Flip("PRV-009", becomes=backup_of("7", 24 * 31, datastore_id="san")),
    Flip("PRV-010", GUEST, _citizens(power="stopped")),
    Flip("PRV-011", GUEST, _citizens(more=("env.test",))),
    Flip("PRV-012", GUEST, _citizens(hints=("password",))),
    Flip("PRV-013", GUEST, _citizens(more=("cls.terbatas",))),
    Flip("PRV-014", owners=storages(country="ID", max_class="terbatas")),
    Flip("PRV-015", becomes=grant("/vms/100"), owners=processor()),
    Flip("PRV-016", owners=without("incident")),
    Flip("PRV-017", owners=service(system_category=None)),
    Flip("PRV-018", becomes=recorder(31),
         owners=CLEAN_OWNERS | cameras(purpose=""), also=()),
    Flip("PRV-019", owners=service(reviewed_at=AS_OF - 2 * YEAR)),
    Flip("PRV-020", GUEST, _citizens("dim")),
]  # fmt: skip
