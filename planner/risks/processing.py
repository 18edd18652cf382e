"""What the law asks of services that process personal data, of storage abroad, of cameras."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from inventory.platform_records import Grant, Principal, Role
from inventory.records import Backup, Datastore, Disk
from planner.backups import selects
from planner.camera_entries import CameraGroup
from planner.estate import Estate
from planner.guest_views import GuestView, ServiceView
from planner.recorders import Keeper
from planner.risks.privacy import retention_days
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_SHOWN = 10  # guests that a finding names; it counts the rest


def _not_personal(service: ServiceView) -> Outcome | None:
    if service.is_personal:
        return None
    return not_applicable("no personal data" if service.classification else "class not known")


def _named(guests: list[GuestView]) -> list[str]:
    names = sorted(view.label for view in guests)
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return names[:_SHOWN] + more


@rule(
    "PRV-003",
    "Personal data without a retention period",
    subject="processing",
    severity=HIGH,
    group="privacy",
    essential=True,
    why="Data that nobody may delete grows for ever, and all of it is there to be stolen.",
    fix="Declare retention (days, or the archive schedule as its basis) for the service in the "
    "estate file, or tag the guest ret.DAYSd.",
)
def no_retention_period(part: ServiceView | GuestView, estate: Estate) -> Outcome:
    """Of a service once, whatever number of guests it has; of a guest in no service by itself."""
    guests = [part] if isinstance(part, GuestView) else list(part.guests)
    guests = [view for view in guests if not view.guest.template]
    if not part.is_personal or (isinstance(part, GuestView) and not guests):
        return not_applicable("no personal data" if part.classification else "class not known")
    if isinstance(part, ServiceView) and (part.entry.retention.days or part.entry.retention.basis):
        return ok()
    without = [view for view in guests if retention_days(view) is None]
    if guests and not without:
        return ok()
    if any(view.guest.tags is None for view in without):
        return unknown("the tags of its guests were not seen")
    return risk(retention="not declared", guests=_named(without) or "none")


@rule(
    "PRV-004",
    "Personal-data service missing from the record of processing",
    subject="service",
    severity=MEDIUM,
    group="privacy",
    why="The city cannot show what it processes, for what and for how long, when it is asked.",
    fix="Enter the service in the record of processing activities, and declare its ropa_id.",
)
def not_in_the_record(service: ServiceView, estate: Estate) -> Outcome:
    if reason := _not_personal(service):
        return reason
    return ok() if service.entry.ropa_id else risk(ropa_id="not declared")


@rule(
    "PRV-005",
    "Processing of high risk without an impact assessment",
    subject="service",
    severity=HIGH,
    group="privacy",
    why="Nobody has weighed what happens to people when this data leaks, so nobody prevents it.",
    fix="Carry out the assessment, and declare dpia_ref and dpia_on of the service.",
)
def no_impact_assessment(service: ServiceView, estate: Estate) -> Outcome:
    """Specific personal data (health, children, finance, …) is what triggers it here."""
    if service.classification != "pribadi-spesifik":
        return not_applicable("no specific personal data")
    entry = service.entry
    if not entry.dpia_ref:
        return risk(trigger="pribadi-spesifik", dpia_ref="not declared")
    if entry.dpia_on is None:
        return unknown("the date of its impact assessment (dpia_on) is not declared")
    return _age(entry.dpia_on, estate.policy.privacy.assessment_days, estate, "dpia_on")


def _age(on: date, days: int, estate: Estate, name: str) -> Outcome:
    if on > estate.as_of:
        return unknown(f"{name} is {on}, a day to come")
    if estate.as_of - on <= timedelta(days=days):
        return ok()
    age = (estate.as_of - on).days
    return risk(on=f"{name} {on}", age_days=age, allowed_days=days)


@rule(
    "PRV-007",
    "Personal-data service without a contact for data protection",
    subject="service",
    severity=MEDIUM,
    group="privacy",
    why="A citizen who asks for his data, and a colleague who finds a leak, have nobody to write "
    "to.",
    fix="Declare organisation.dpo.contact for the whole city, or dp_contact of the service.",
)
def no_contact(service: ServiceView, estate: Estate) -> Outcome:
    if reason := _not_personal(service):
        return reason
    found = service.entry.dp_contact or estate.owners.organisation.dpo.contact
    return ok() if found else risk(contact="not declared")


@rule(
    "PRV-016",
    "Personal-data service without a path for breaches",
    subject="service",
    severity=MEDIUM,
    group="privacy",
    why="A breach must be told within 3 x 24 hours; who looks for the address then is too late.",
    fix="Declare organisation.incident.contact for the whole city, or incident_contact of the "
    "service.",
)
def no_breach_path(service: ServiceView, estate: Estate) -> Outcome:
    if reason := _not_personal(service):
        return reason
    found = service.entry.incident_contact or estate.owners.organisation.incident.contact
    return ok() if found else risk(incident_contact="not declared")


@rule(
    "PRV-017",
    "Service without a category or an assessment as an electronic system",
    subject="service",
    severity=LOW,
    group="privacy",
    why="Which security duties it has follows from its category, and whether it meets them from "
    "the assessment.",
    fix="Assess it (Indeks KAMI, or ISO/IEC 27001), and declare system_category and assessed_on.",
)
def not_assessed(service: ServiceView, estate: Estate) -> Outcome:
    entry = service.entry
    if not entry.system_category or entry.assessed_on is None:
        return risk(
            system_category=entry.system_category or "not declared",
            assessed_on=entry.assessed_on or "not declared",
        )
    return _age(entry.assessed_on, estate.policy.privacy.assessment_days, estate, "assessed_on")


@rule(
    "PRV-019",
    "Classification of a service not reviewed for long",
    subject="service",
    severity=LOW,
    group="privacy",
    why="Services change what they store, and the class that protects them stays behind.",
    fix="Let the owner confirm the class, and set reviewed_at of the service.",
)
def review_overdue(service: ServiceView, estate: Estate) -> Outcome:
    reviewed = service.entry.reviewed_at
    if reviewed is None:
        return unknown("when its entry was reviewed (reviewed_at) is not declared")
    return _age(reviewed, estate.policy.privacy.review_days, estate, "reviewed_at")


@rule(
    "PRV-006",
    "Data that is not public lies abroad",
    subject="storage",
    severity=CRITICAL,
    group="privacy",
    essential=True,
    needs=("guest", "disk"),
    why="Another country's law reaches it, and data of public bodies must stay in the country "
    "unless an exemption says otherwise.",
    fix="Move disks and backups to a storage in the country, or declare the exemption as "
    "abroad_ref of the storage.",
)
def data_abroad(store: Datastore, estate: Estate) -> Outcome:
    """By the declared country alone: where an address leads is never guessed."""
    held = [view for view in _kept_on(store, estate) if view.classification != "publik"]
    if not held:
        return _nothing_held(store, estate)
    entry = estate.declared(store)
    if entry is None or entry.country is None:
        return unknown(f"the country of {store.name} is not declared; {len(held)} guests use it")
    if entry.country == estate.policy.privacy.home_country or entry.abroad_ref:
        return ok()
    return risk(country=entry.country, guests=_named(held))


def _nothing_held(store: Datastore, estate: Estate) -> Outcome:
    """Nothing to judge, unless the backups there were not shown."""
    gap = estate.gap(estate.fact_of(store).source, "backup", store.scope)
    if gap is not None and "backup" in (store.content or ()):
        return unknown(f"backup: {gap.reason or gap.state}")
    return not_applicable("no data that is not public")


def _kept_on(store: Datastore, estate: Estate) -> list[GuestView]:
    """The guests with a disk or a backup there, or that a job backs up to it."""
    places = estate.places_of(estate.fact_of(store))
    keys = {(p[0], d.guest_id) for p in places for d in estate.facts_in(Disk, p)}
    keys |= {(p[0], b.guest_id) for p in places for b in estate.facts_in(Backup, p)}
    jobs = [j for j in estate.jobs_in(store.cluster) if j.datastore_id == store.datastore_id]
    for job in jobs:
        if job.enabled is not False:
            chosen = (v for v in estate.guests_in(store.cluster) if selects(job, v.guest))
            keys |= {view.key for view in chosen}
    views = (estate.guest_of.get(key) for key in sorted(keys))
    return [view for view in views if view is not None and not view.guest.template]


@rule(
    "PRV-009",
    "Backups of deleted guests remain",
    subject="storage",
    severity=MEDIUM,
    group="privacy",
    needs=("guest", "backup"),
    sources=("proxmox", "libvirt"),
    why="Nobody answers for this data any more, and it can still be restored.",
    fix="Decide with the last owner: archive it with a record, or destroy it with a record.",
)
def orphaned_backups(store: Datastore, estate: Estate) -> Outcome:
    backups = estate.on_datastore(Backup, store)
    if not backups:
        return not_applicable("no backups")
    known = {guest_id for _cluster, guest_id in estate.guest_of}  # of clusters that share it, too
    newest: dict[str, datetime | None] = {}
    gone = [backup for backup in backups if backup.guest_id not in known]
    for backup in gone:
        made = [at for at in (newest.get(backup.guest_id), backup.created_at) if at is not None]
        newest[backup.guest_id] = max(made, default=None)
    longest = timedelta(days=estate.policy.privacy.orphan_backup_days)
    old = {name: at for name, at in newest.items() if at is not None and estate.at - at > longest}
    if not old:
        undated = sorted(name for name, at in newest.items() if at is None)
        return unknown(f"the age of backups of {', '.join(undated)}") if undated else ok()
    if store.kind == "pbs":
        return unknown(f"guests {', '.join(sorted(old))} may be of another cluster that shares it")
    return risk(
        guest_ids=sorted(old),
        backups=sum(1 for backup in gone if backup.guest_id in old),
        newest=max(old.values()).date(),
    )


@rule(
    "PRV-015",
    "Vendor's account reaches personal data without an agreement",
    subject="principal",
    severity=HIGH,
    group="privacy",
    sources=("proxmox",),
    why="Without an agreement nothing binds the vendor to what he may do with citizens' data.",
    fix="Sign the processing agreement and declare agreement_ref and agreement_until, or take the "
    "account's rights on these guests away.",
)
def processor_without_agreement(principal: Principal, estate: Estate) -> Outcome:
    """Only accounts that the estate file declares as a processor's: no name is guessed at."""
    user = principal.principal_id.partition("!")[0]
    entry = estate.owners.principals.get(principal.principal_id, estate.owners.principals.get(user))
    if entry is None or entry.kind != "processor":
        return not_applicable("not declared as a processor")
    if principal.enabled is False:
        return not_applicable("disabled")
    if entry.agreement_ref and (entry.agreement_until or date.max) >= estate.as_of:
        return ok()
    reached = [view for view in _reached_by(principal, estate) if view.is_personal]
    if reached:
        return risk(
            guests=_named(reached),
            agreement=entry.agreement_ref or "none",
            agreement_until=entry.agreement_until or "-",
        )
    source = estate.fact_of(principal).source
    for kind in ("grant", "role", "guest"):
        if gap := estate.gap(source, kind):
            return unknown(f"{kind}: {gap.reason or gap.state}")
    return ok()


def _reached_by(principal: Principal, estate: Estate) -> list[GuestView]:
    """The guests on which it, its user or a group of its user has any right on machines."""
    cluster, names = principal.cluster, {principal.principal_id}
    user = principal.principal_id.partition("!")[0]
    if not principal.privilege_separated:
        names.add(user)
        everyone = estate.in_cluster(Principal, cluster)
        names |= {group.principal_id for group in everyone if user in (group.members or ())}
    on_machines = {
        role.role_id
        for role in estate.in_cluster(Role, cluster)
        if any(right.startswith("VM.") for right in role.privileges or ())
    }
    paths = {
        grant.path
        for grant in estate.in_cluster(Grant, cluster)
        if grant.principal_id in names and grant.role_id in on_machines
    }
    return [view for view in estate.guests_in(cluster) if paths & _paths_to(view)]


def _paths_to(view: GuestView) -> set[str]:
    """The paths of the platform on which a right reaches the guest."""
    return {"/", "/vms", f"/vms/{view.guest.guest_id}", f"/pool/{view.guest.resource_pool or '?'}"}


@rule(
    "PRV-018",
    "Cameras without purpose, notice or a word on identification",
    subject="recorder",
    severity=HIGH,
    group="privacy",
    why="Cameras in public places need a purpose and a notice, and must not be used to identify "
    "persons unless the law says so.",
    fix="Declare purpose, notice_ref and identifies_persons of each camera group, and "
    "identification_ref where persons are identified.",
)
def cameras_unexplained(keeper: Keeper, estate: Estate) -> Outcome:
    if not keeper.groups:
        return unknown("no camera group names it in the estate file")
    missing = [f"{g.name}: {what}" for g in keeper.groups for what in _unexplained(g)]
    return risk(missing=missing) if missing else ok()


def _unexplained(group: CameraGroup) -> list[str]:
    without_ref = group.identifies_persons and not group.identification_ref
    found = {
        "purpose": not group.purpose,
        "notice_ref": not group.notice_ref,
        "identifies_persons": group.identifies_persons is None,
        "identification_ref": bool(without_ref),
    }
    return [name for name, is_missing in found.items() if is_missing]


RULES: tuple[Rule, ...] = (
    no_retention_period,
    not_in_the_record,
    no_impact_assessment,
    data_abroad,
    no_contact,
    orphaned_backups,
    processor_without_agreement,
    no_breach_path,
    not_assessed,
    cameras_unexplained,
    review_overdue,
)
