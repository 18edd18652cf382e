"""Segregation."""

from __future__ import annotations

from estates import health
from inventory.platform_records import HaRule
from inventory.records import Nic, Record
from rule_cases import (
    CLEAN_OWNERS,
    DISK,
    GUEST,
    H1,
    LIBVIRT,
    PERSONAL,
    PUBLIC,
    SAN,
    TEMPLATE,
    UNBOUND,
    Case,
    Flip,
    backup_of,
    changed,
    nic,
    wall,
)
from rule_cases.network import bridge, vlan_of
from stored import datastore, disk, guest, host

HOST = host()
BIG = (HOST, host("h2"), host("h3"))
SENSITIVE = guest(tags=("cls.pribadi-spesifik", "opd.a"))
APART = HaRule(rule_id="apart", cluster="c", affinity="negative", guest_ids=("100", "200"))
MERGING = host(ksm_shared_bytes=4096)
SHARES = {"shares_memory": True}
MINE = guest(tags=("cls.pribadi-umum", "opd.a"), **SHARES)
YOURS = guest("200", tags=("cls.terbatas", "opd.b"), **SHARES)
PROD = guest(tags=("env.prod",), resource_pool="web")
LAB = guest("200", tags=("env.lab",), resource_pool="web")
INSIDE, OUTSIDE = guest("201", tags=("zone.internal",)), guest("202", tags=("zone.dmz",))
HOMES = (INSIDE, OUTSIDE, nic("201"), nic("202", vlan=20))  # a zone each
SECOND = nic(vlan=20).model_copy(update={"nic_id": "100/net1"})
BOTH = (guest(), nic(), SECOND)
CAMERA, ATTIC = guest(tags=("svc.cctv",)), guest("200", tags=("svc.mail",))
FOLDER = {"host_paths": ("/srv/data",)}
PRIVILEGED = guest("300", kind="container", unprivileged=False)
SERVER = datastore("backup", kind="pbs", backend="10.0.5.9:main", content=("backup",))

CASES: list[Case] = [
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
    # An interface without a tag on a VLAN-aware bridge receives every VLAN.
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, bridge(), nic(), nic("200", vlan=0))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, bridge(), nic(vlan=0), nic("200", vlan=7))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="2-4094"))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, bridge(vlan_aware=False), nic(),
                           nic("200", vlan=0))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0)), sources=LIBVIRT),
    # A bridge without a port ends in its host; isolated ports do not reach each other.
    Case("SEG-001", "ok", (PERSONAL, guest("200", tags=("expo.public",), host_id="h2"),
                           bridge(ports=()), bridge("h2", ports=()), nic(), nic("200"))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(isolated=True), nic("200", isolated=True))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(isolated=True), nic("200", isolated=False))),
    Case("SEG-001", "not_applicable", (PERSONAL, PUBLIC, nic(link_down=True), nic("200"))),
    Case("SEG-001", "not_applicable", (guest(tags=("cls.pribadi-umum",), template=True), PUBLIC,
                                       nic(), nic("200"))),
    # SEG-002 on one host
    Case("SEG-002", "ok", (*BIG[:1], SENSITIVE)),
    Case("SEG-002", "ok", (HOST, SENSITIVE, PUBLIC, APART)),
    Case("SEG-002", "risk", (HOST, host("h2", status="retired"), host("h3", status="retired"),
                             SENSITIVE, PUBLIC), severity="medium"),
    Case("SEG-002", "risk", (HOST, SENSITIVE, PUBLIC), severity="info"),
    Case("SEG-002", "unknown", (HOST, SENSITIVE), sources=(health(hidden=("guest",)),)),
    Case("SEG-002", "not_applicable", (HOST, guest(tags=SENSITIVE.tags, power="stopped"))),
    # SEG-003 on one datastore
    Case("SEG-003", "ok", (datastore(), PERSONAL, disk())),
    Case("SEG-003", "ok", (datastore(kind="rbd"), PERSONAL, PUBLIC, disk(), disk("200"))),
    Case("SEG-003", "risk", (datastore(), PERSONAL, PUBLIC, disk(), disk("200"))),
    Case("SEG-003", "unknown", (datastore(kind=None), PERSONAL, PUBLIC, disk(), disk("200"))),
    Case("SEG-003", "not_applicable", (datastore(), PERSONAL)),
    # SEG-004 merged memory
    Case("SEG-004", "ok", (host(ksm_shared_bytes=0), MINE, YOURS)),
    Case("SEG-004", "ok", (MERGING, MINE, guest("200", tags=MINE.tags, **SHARES))),
    Case("SEG-004", "ok", (MERGING, MINE, guest("200", tags=YOURS.tags, shares_memory=False))),
    Case("SEG-004", "risk", (MERGING, MINE, YOURS)),
    Case("SEG-004", "risk", (MERGING, MINE, guest("200", tags=("cls.publik", "zone.dmz"),
                                                  **SHARES))),
    Case("SEG-004", "unknown", (HOST, MINE, YOURS)),
    Case("SEG-004", "unknown", (MERGING, MINE, guest("200", tags=YOURS.tags))),
    Case("SEG-004", "unknown", (MERGING, MINE, guest("200", **SHARES))),
    # SEG-005 trial beside production
    Case("SEG-005", "ok", (PROD, guest("200", tags=("env.lab",)), nic(), nic("200", vlan=11))),
    Case("SEG-005", "risk", (PROD, LAB)),
    Case("SEG-005", "risk", (PROD, guest("200", tags=("env.dev",)), nic(), nic("200"))),
    Case("SEG-005", "unknown", (PROD, guest("200", tags=("env.dev",)), nic(),
                                nic("200", vlan=None))),
    Case("SEG-005", "not_applicable", (guest(), LAB, nic(), nic("200"))),
    # SEG-006 a foot in two zones
    Case("SEG-006", "ok", (*HOMES[:1], nic("201"), *BOTH),
         owners={"networks": {"vmbr0/20": {"zone": "internal"}}}),
    Case("SEG-006", "ok", (*HOMES[:1], nic("201"), *BOTH),
         owners={"networks": {"c/vmbr0/20": {"zone": "backup"}}}),
    Case("SEG-006", "risk", (*HOMES, *BOTH)),
    Case("SEG-006", "risk", (*HOMES[:1], nic("201"), *BOTH),
         owners={"networks": {"vmbr0/20": {"zone": "backup"}}},
         policy={"risks": {"zones_beside_any": []}}),
    Case("SEG-006", "unknown", BOTH),
    Case("SEG-006", "unknown", (guest(), nic(network=None))),
    Case("SEG-006", "not_applicable", (*HOMES, guest(), nic())),
    Case("SEG-006", "not_applicable", (*HOMES, guest(tags=("role.firewall",)), nic(), SECOND)),
    # SEG-007 folders
    Case("SEG-007", "ok", (guest(tags=MINE.tags, **FOLDER), guest("200", host_paths=()))),
    Case("SEG-007", "ok", (guest(tags=MINE.tags, **FOLDER),
                           guest("200", tags=MINE.tags, **FOLDER))),
    Case("SEG-007", "ok", (guest(tags=MINE.tags, **FOLDER),
                           guest("200", tags=YOURS.tags, host_id="h2", **FOLDER))),
    Case("SEG-007", "risk", (guest(tags=MINE.tags, **FOLDER),
                             guest("200", tags=YOURS.tags, **FOLDER))),
    Case("SEG-007", "risk", (guest(tags=MINE.tags, host_paths=("mapping:x",)), guest(
        "200", tags=YOURS.tags, host_id="h2", host_paths=("mapping:x",)))),
    Case("SEG-007", "unknown", (guest(),)),
    Case("SEG-007", "unknown", (guest(**FOLDER), guest("200", **FOLDER))),
    Case("SEG-007", "not_applicable", (guest(host_paths=()),)),
    # SEG-008 the planes behind
    Case("SEG-008", "ok", (HOST, bridge(), vlan_of(), guest(), nic())),
    Case("SEG-008", "ok", (HOST, bridge(), vlan_of(), guest(tags=("cls.infra",)), nic(vlan=5))),
    Case("SEG-008", "risk", (HOST, bridge(), vlan_of(), guest(), nic(vlan=5))),
    Case("SEG-008", "risk", (HOST, bridge(), vlan_of(name="bond0.5"), SERVER, guest(),
                             nic(vlan=5))),
    Case("SEG-008", "unknown", (HOST, bridge())),
    # SEG-009 cameras
    Case("SEG-009", "ok", (CAMERA, guest("200", tags=("zone.cctv",)), nic(), nic("200"))),
    Case("SEG-009", "risk", (CAMERA, ATTIC, nic(), nic("200"))),
    Case("SEG-009", "unknown", (CAMERA, ATTIC, nic(), nic("200", vlan=None))),
    Case("SEG-009", "unknown", (CAMERA, nic(network=None))),
    Case("SEG-009", "not_applicable", (ATTIC, nic("200"))),
    # SEG-010 a privileged container beside personal data
    Case("SEG-010", "ok", (guest("300", kind="container", unprivileged=True), PERSONAL)),
    Case("SEG-010", "ok", (PRIVILEGED, PUBLIC)),
    Case("SEG-010", "risk", (PRIVILEGED, PERSONAL)),
    Case("SEG-010", "unknown", (PRIVILEGED, guest())),
    Case("SEG-010", "unknown", (guest("300", kind="container"), PERSONAL)),
    Case("SEG-010", "not_applicable", (PERSONAL, TEMPLATE)),
]  # fmt: skip
NO_SHARE = {"shares_memory": False}
# A camera recorder that is backed up over a network of its own, and a container.
RECORDER = guest(
    "300", tags=("cls.publik", "dim.living", "env.prod", "opd.diskominfo", "zone.cctv"),
    os="debian-13", **(UNBOUND | NO_SHARE),
)  # fmt: skip
PROXY = guest(
    "301", tags=("cls.publik", "dim.living", "env.test", "opd.diskominfo"), os="debian-13",
    kind="container", unprivileged=True, **(UNBOUND | NO_SHARE),
)  # fmt: skip


def second(guest_id: str, vlan: int) -> Nic:
    """A second interface of a guest."""
    mac = f"BC:24:11:00:01:{int(guest_id) % 256:02X}"
    return nic(guest_id, vlan=vlan, mac=mac).model_copy(update={"nic_id": f"{guest_id}/net1"})


CLEAN: list[Record] = [
    RECORDER, nic("300", vlan=30), second("300", 31), wall("guest/300"), backup_of("300", 1),
    PROXY, nic("301", vlan=32), wall("guest/301"), backup_of("301", 1),
]  # fmt: skip
SPECIAL = ("cls.pribadi-spesifik", *GUEST.tags[1:])  # type: ignore[index]
FLIPS: list[Flip] = [
    Flip("SEG-001", nic("200", vlan=20), nic("200", vlan=10)),
    Flip("SEG-002", GUEST, changed(GUEST, tags=SPECIAL)),
    Flip("SEG-003", SAN, changed(SAN, kind="dir"), more=(
        changed(DISK, disk_id="200/scsi0", guest_id="200", volume="san:vm-200-disk-0"),),
        also=("AVL-008",)),
    Flip("SEG-004", H1,
         changed(H1, ksm_shared_bytes=4096)),
    Flip("SEG-005", nic("301", vlan=32), nic("301", vlan=31), also=("SEG-009",)),
    Flip("SEG-006", owners={**CLEAN_OWNERS, "networks": {
        "vmbr0/30": {"zone": "cctv"}, "vmbr0/31": {"zone": "dmz"}}}),
    Flip("SEG-007", RECORDER, changed(RECORDER, **FOLDER), more=(
        guest("302", tags=("cls.terbatas", "dim.living", "opd.diskominfo"), os="debian-13",
              **(UNBOUND | NO_SHARE | FOLDER)), backup_of("302", 1)), also=("BKP-018",)),
    Flip("SEG-008", becomes=vlan_of(name="vmbr0.20")),
    Flip("SEG-009", nic("301", vlan=32), nic("301", vlan=30), also=("SEG-005",)),
    Flip("SEG-010", PROXY, changed(PROXY, unprivileged=False), also=("HYP-003",)),
]  # fmt: skip
