"""Identity and access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from estates import NOW, health
from inventory.platform_records import Grant, Principal, Realm, Role
from inventory.records import Record
from rule_cases import CLEAN_OWNERS, PERSONAL, Case, Flip
from stored import guest, host

EVERYTHING = ("Permissions.Modify", "Sys.Modify", "VM.Allocate", "VM.Audit", "VM.Console")
ADMINISTRATOR = Role(role_id="Administrator", cluster="c", privileges=EVERYTHING, built_in=True)
AUDITOR = Role(role_id="PVEAuditor", cluster="c", privileges=("VM.Audit",), built_in=True)
USER = Role(role_id="PVEVMUser", cluster="c", privileges=("VM.Audit", "VM.Console"), built_in=True)
POWER = Role(role_id="Power", cluster="c", privileges=("VM.Audit", "VM.PowerMgmt"), built_in=False)


def user(name: str = "ana@pve", **more: Any) -> Principal:
    given = {"kind": "user", "enabled": True, "expires": False, "second_factors": ("totp",),
             "locked": False, "purpose_stated": True, "contact_stated": True}  # fmt: skip
    return Principal(principal_id=name, cluster="c", **(given | more))


def token(name: str = "ana@pve!job", **more: Any) -> Principal:
    given = {"kind": "token", "expires": True, "expires_at": NOW + timedelta(days=90),
             "privilege_separated": True, "purpose_stated": True}  # fmt: skip
    return Principal(principal_id=name, cluster="c", **(given | more))


def group(name: str = "@admins", members: tuple[str, ...] = ("ana@pve", "budi@pve")) -> Principal:
    return Principal(principal_id=name, cluster="c", kind="group", members=members)


def grant(
    holder: str = "ana@pve", path: str = "/", role: str = "Administrator", **more: Any
) -> Grant:
    return Grant(path=path, principal_id=holder, role_id=role, cluster="c", **more)


def realm(name: str = "pve", **more: Any) -> Realm:
    return Realm(realm_id=name, cluster="c", **({"kind": name, "second_factor": ""} | more))


OVER = {"expires": True, "expires_at": NOW - timedelta(days=1)}
ROOT = user("root@pam")
BARE_ROOT = user("root@pam", second_factors=())
HOST = host()
ROLES = (ADMINISTRATOR, AUDITOR, USER, POWER)
STAFF = tuple(user(f"u{n}@pve") for n in range(5))
CROWD = group("@crowd", tuple(who.principal_id for who in STAFF))
IDP = {"realms": {"sso": {"second_factor_elsewhere": True}}}
AGENCIES = {"agencies": {"a": {"name": "A"}, "b": {"name": "B"}}}
OF_A = guest(tags=("opd.a", "cls.pribadi-umum"), resource_pool="pool-a")
OF_B = guest("200", tags=("opd.b", "cls.publik"))
OPERATES = grant("ana@pve", "/vms/100", "PVEVMUser")


def works_for(agency: str | None, **more: Any) -> dict[str, Any]:
    return {**AGENCIES, "principals": {"ana@pve": {"agency": agency, **more}}}


CASES: list[Case] = [
    # IAM-001 root's second factor
    Case("IAM-001", "ok", (ROOT,)),
    Case("IAM-001", "ok", (BARE_ROOT, realm("pam", second_factor="oath"))),
    Case("IAM-001", "risk", (BARE_ROOT, realm("pam"))),
    Case("IAM-001", "unknown", (user("root@pam", second_factors=None), realm("pam"))),
    Case("IAM-001", "unknown", (ROOT,), sources=(health(hidden=("realm",)),)),
    Case("IAM-001", "not_applicable", (user(second_factors=()),)),
    # IAM-002 privileged users
    Case("IAM-002", "ok", (user(), grant(), *ROLES, realm())),
    Case("IAM-002", "ok", (user("c@sso", second_factors=()), grant("c@sso"),
                           realm("sso", kind="openid")), owners=IDP),
    Case("IAM-002", "risk", (user(second_factors=()), grant(), *ROLES, realm())),
    Case("IAM-002", "risk", (user(second_factors=()), group("@admins", ("ana@pve",)),
                             grant("@admins", "/", "PVEAdmin"), realm())),
    Case("IAM-002", "risk", (user(second_factors=()), grant(role="Own"), realm(),
                             Role(role_id="Own", cluster="c", privileges=("Sys.Modify",)))),
    Case("IAM-002", "unknown", (user("c@sso", second_factors=()), grant("c@sso"),
                                realm("sso", kind="openid"))),
    Case("IAM-002", "unknown", (user(second_factors=None), grant(), realm())),
    Case("IAM-002", "not_applicable", (user(second_factors=()), grant(role="PVEAuditor"), *ROLES)),
    Case("IAM-002", "not_applicable", (user(second_factors=(), enabled=False), grant(), realm())),
    Case("IAM-002", "not_applicable", (user(second_factors=()), grant(), realm()),
         owners={"principals": {"ana@pve": {"kind": "service"}}}),
    # IAM-003 too many administrators
    Case("IAM-003", "ok", (HOST, user(), ROOT, grant(), token(), grant("ana@pve!job"))),
    Case("IAM-003", "ok", (HOST, *STAFF, CROWD, grant("@crowd", "/vms"))),
    Case("IAM-003", "ok", (HOST, *STAFF, CROWD, grant("@crowd")),
         policy={"risks": {"most_administrators": 5}}),
    Case("IAM-003", "risk", (HOST, *STAFF, CROWD, grant("@crowd"))),
    Case("IAM-003", "ok", (HOST, *(user(w.principal_id, enabled=False) for w in STAFF), CROWD,
                           grant("@crowd"))),
    Case("IAM-003", "unknown", (HOST, *STAFF), sources=(health(hidden=("grant",)),)),
    # IAM-004 tokens without limits
    Case("IAM-004", "ok", (token(),)),
    Case("IAM-004", "ok", (user(), token(privilege_separated=False), grant(role="PVEAuditor"),
                           *ROLES)),
    Case("IAM-004", "risk", (user(), token(privilege_separated=False), grant(), *ROLES)),
    Case("IAM-004", "risk", (HOST, ROOT, token("root@pam!b", privilege_separated=False)),
         sources=(health(hidden=("grant",)),)),
    Case("IAM-004", "unknown", (HOST, user(), token(privilege_separated=False)),
         sources=(health(hidden=("grant",)),)),
    Case("IAM-004", "unknown", (token(privilege_separated=None),)),
    Case("IAM-004", "not_applicable", (user(), token(privilege_separated=False, **OVER), grant())),
    # IAM-005 tokens that last
    Case("IAM-005", "ok", (token(),)),
    Case("IAM-005", "risk", (token(expires=False, expires_at=None),)),
    Case("IAM-005", "risk", (token(expires_at=NOW + timedelta(days=366)),)),
    Case("IAM-005", "ok", (token(expires_at=NOW + timedelta(days=366)),),
         policy={"risks": {"longest_token_days": 400}}),
    Case("IAM-005", "unknown", (token(expires=None, expires_at=None),)),
    Case("IAM-005", "not_applicable", (user(),)),
    # IAM-006 without a purpose
    Case("IAM-006", "ok", (user(purpose_stated=False), token())),
    Case("IAM-006", "risk", (user(purpose_stated=False, contact_stated=False),)),
    Case("IAM-006", "risk", (token(purpose_stated=False),)),
    Case("IAM-006", "unknown", (token(purpose_stated=None),)),
    Case("IAM-006", "not_applicable", (user("x@ad", purpose_stated=False, contact_stated=False),
                                       realm("ad"), group())),
    # IAM-007 rights of who is gone
    Case("IAM-007", "ok", (user(), grant())),
    Case("IAM-007", "ok", (user(enabled=False),)),
    Case("IAM-007", "risk", (user(enabled=False), grant()), severity="medium"),
    Case("IAM-007", "risk", (user(**OVER), grant(role="PVEAuditor")), severity="high"),
    Case("IAM-007", "risk", (token(**OVER), grant("ana@pve!job")), severity="high"),
    Case("IAM-007", "risk", (user(enabled=False), group(), grant("@admins"))),
    Case("IAM-007", "unknown", (user(expires=None),)),
    Case("IAM-007", "not_applicable", (group(),)),
    # IAM-009 realms
    Case("IAM-009", "ok", (realm(second_factor="oath"), user(second_factors=()))),
    Case("IAM-009", "ok", (realm(), user())),
    Case("IAM-009", "risk", (realm(), user(second_factors=()))),
    Case("IAM-009", "unknown", (realm(), user(second_factors=None))),
    Case("IAM-009", "unknown", (realm(second_factor=None), user())),
    Case("IAM-009", "not_applicable", (realm(), realm("sso", kind="openid"), user("x@sso"))),
    # IAM-010 directories
    Case("IAM-010", "ok", (realm("ad", encrypted=True, verified=True),)),
    Case("IAM-010", "risk", (realm("ldap", encrypted=False, verified=False),)),
    Case("IAM-010", "risk", (realm("ldap", encrypted=True, verified=False),)),
    Case("IAM-010", "unknown", (realm("ldap"),)),
    Case("IAM-010", "not_applicable", (realm(),)),
    # IAM-011 across agencies
    Case("IAM-011", "ok", (HOST, OF_A, OF_B, user(), OPERATES, *ROLES), owners=works_for("a")),
    Case("IAM-011", "ok", (HOST, OF_A, OF_B, user(), OPERATES, *ROLES),
         owners=works_for("b", custodian=True)),
    Case("IAM-011", "ok", (HOST, OF_A, user(), grant("ana@pve", "/vms", "PVEVMUser",
         propagates=False), *ROLES), owners=works_for("b")),
    Case("IAM-011", "risk", (HOST, OF_A, OF_B, user(), OPERATES, *ROLES), owners=works_for("b")),
    Case("IAM-011", "risk", (HOST, OF_A, OF_B, user(), grant(), *ROLES), owners=works_for("a")),
    Case("IAM-011", "risk", (HOST, OF_A, user(), grant("ana@pve", "/pool/pool-a", "Power"), *ROLES),
         owners=works_for("b")),
    Case("IAM-011", "risk", (HOST, OF_A, user(), group("@g", ("ana@pve",)),
                             grant("@g", "/vms/100", "Power"), *ROLES), owners=works_for("b")),
    Case("IAM-011", "unknown", (HOST, OF_A, user(), OPERATES, *ROLES), owners=AGENCIES),
    Case("IAM-011", "unknown", (HOST, guest(), user(), OPERATES, *ROLES), owners=works_for("a")),
    Case("IAM-011", "not_applicable", (HOST, OF_A, user(), grant(role="PVEAuditor"), *ROLES),
         owners=works_for("b")),
    Case("IAM-011", "not_applicable", (HOST, OF_A, ROOT, grant("root@pam"), *ROLES)),
    # IAM-012 within reach
    Case("IAM-012", "ok", (HOST, OF_A, user(), OPERATES, *ROLES), owners=works_for("a")),
    Case("IAM-012", "ok", (HOST, OF_A, user(), grant("ana@pve", "/", "Power"), *ROLES),
         owners=works_for("b")),
    Case("IAM-012", "ok", (HOST, OF_A, user(), grant(), *ROLES), owners=works_for("b")),
    Case("IAM-012", "ok", (HOST, OF_A, user(), token(), grant("ana@pve!job", "/vms", "PVEVMUser"),
                           *ROLES), owners=works_for("b")),
    # A deeper grant takes the place of a higher one, a user's own that of its group.
    Case("IAM-012", "ok", (HOST, OF_A, user(), grant("ana@pve", "/vms", "PVEVMUser"),
                           grant("ana@pve", "/vms/100", "Power"), *ROLES), owners=works_for("b")),
    Case("IAM-012", "ok", (HOST, OF_A, user(), group("@g", ("ana@pve",)),
                           grant("@g", "/vms", "PVEVMUser"), grant("ana@pve", "/vms", "Power"),
                           *ROLES), owners=works_for("b")),
    Case("IAM-012", "ok", (HOST, OF_A, user(), grant("ana@pve", "/", "PVEVMUser"),
                           grant("ana@pve", "/vms", "NoAccess"), *ROLES), owners=works_for("b")),
    Case("IAM-012", "risk", (HOST, OF_A, user(), OPERATES, *ROLES), owners=works_for("b")),
    Case("IAM-012", "risk", (HOST, OF_A, user(), grant("ana@pve", "/pool", "PVEVMUser"), *ROLES),
         owners=works_for("b")),
    Case("IAM-012", "risk", (HOST, OF_A, user(), token(privilege_separated=False), *ROLES,
                             group("@g", ("ana@pve",)), grant("@g", "/vms", "PVEVMUser")),
         owners=works_for("b")),
    Case("IAM-012", "unknown", (HOST, OF_A, user(), OPERATES, *ROLES), owners=AGENCIES),
    Case("IAM-012", "unknown", (HOST, PERSONAL, user(), OPERATES, *ROLES), owners=works_for("b")),
    Case("IAM-012", "not_applicable", (HOST, OF_B, user(), grant("ana@pve", "/vms", "PVEVMUser"),
                                       *ROLES), owners=works_for("a")),
    # IAM-013 one administrator
    Case("IAM-013", "ok", (HOST, user(), user("budi@pve"), group(), grant("@admins"))),
    Case("IAM-013", "risk", (HOST, user(), ROOT, grant())),
    Case("IAM-013", "unknown", (HOST, user()), sources=(health(hidden=("grant",)),)),
    # IAM-014 locked
    Case("IAM-014", "ok", (user(),)),
    Case("IAM-014", "risk", (user(locked=True),)),
    Case("IAM-014", "unknown", (user(locked=None),)),
    Case("IAM-014", "not_applicable", (token(),)),
    # IAM-015 serving nobody
    Case("IAM-015", "ok", (HOST, user(), grant(), *ROLES[:3], group())),
    Case("IAM-015", "risk", (HOST, group("@empty", ()))),
    Case("IAM-015", "risk", (HOST, POWER)),
    Case("IAM-015", "risk", (HOST, grant("gone@pve"))),
    Case("IAM-015", "unknown", (HOST, POWER), sources=(health(hidden=("grant",)),)),
]  # fmt: skip
BUDI = user("budi@pve")
READER = token("lumbung@pve!collect")
CLEAN: list[Record] = [
    ROOT, user(), BUDI, group(), user("lumbung@pve"), READER, realm(), realm("pam"),
    ADMINISTRATOR, AUDITOR, USER, grant("@admins"), grant("lumbung@pve", role="PVEAuditor"),
    grant("lumbung@pve!collect", role="PVEAuditor"), realm("ad", encrypted=True, verified=True),
]  # fmt: skip
VENDOR = {**CLEAN_OWNERS, "principals": {**CLEAN_OWNERS["principals"],
          "ana@pve": {"agency": "diskominfo"}}}  # fmt: skip
FLIPS: list[Flip] = [
    Flip("IAM-001", ROOT, BARE_ROOT, also=("IAM-009",)),
    Flip("IAM-002", BUDI, user("budi@pve", second_factors=()), also=("IAM-009",)),
    Flip("IAM-003", policy={"risks": {"most_administrators": 1}}),
    Flip("IAM-004", becomes=token("budi@pve!all", privilege_separated=False)),
    Flip("IAM-005", READER, token("lumbung@pve!collect", expires=False, expires_at=None)),
    Flip("IAM-006", READER, token("lumbung@pve!collect", purpose_stated=False)),
    # One administrator is left.
    Flip("IAM-007", BUDI, user("budi@pve", enabled=False), also=("IAM-013",)),
    Flip("IAM-010", realm("ad", encrypted=True, verified=True),
         realm("ad", encrypted=True, verified=False)),
    Flip("IAM-011", becomes=grant("ana@pve", "/vms/100", "PVEVMUser"), owners=VENDOR,
         also=("IAM-012",)),
    Flip("IAM-009", user("lumbung@pve"), user("lumbung@pve", second_factors=())),
    Flip("IAM-013", group(), group(members=("ana@pve",))),
    Flip("IAM-014", BUDI, user("budi@pve", locked=True)),
    Flip("IAM-015", becomes=group("@empty", ())),
]  # fmt: skip
