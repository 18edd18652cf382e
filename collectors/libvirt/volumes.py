"""Images in storage pools that no guest of the host refers to.

A volume is taken for left behind only when nothing that was read mentions it and nothing that
could mention it is missing: every definition, every snapshot and every chain of images is known.
Pools that other hosts reach are left out, since those hosts' guests may use what lies there. Of a
folder that others share without saying so, the store's reader leaves out what their guests name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from collectors.libvirt.disks import images_of
from collectors.libvirt.domains import Domain
from collectors.libvirt.storage import Pool, Storages, Volume
from inventory import platform_records as records
from inventory.records import BEYOND_REACH, Coverage

_DEVICES = frozenset({"disk", "scsi", "mpath", "iscsi", "iscsi-direct"})  # they hold no images
_AS_REFRESHED = "as of its pool's last refresh: an image made since does not show"


def volumes_of(
    storages: Storages, mentioned: frozenset[str], cluster: str
) -> Iterator[records.Volume]:
    """Every volume that is not ``mentioned``, of pools that no other host can reach."""
    seen: set[tuple[str, str]] = set()
    for pool in filter(_is_looked_at, storages.pools):
        datastore_id = storages.datastore_id(pool)
        for path, volume in sorted(pool.volumes.items()):
            is_new = (datastore_id, volume.path) not in seen
            if path == volume.path and path not in mentioned and is_new and not volume.is_folder:
                seen.add((datastore_id, path))
                yield _left_behind(volume, datastore_id, cluster)


def _is_looked_at(pool: Pool) -> bool:
    return pool.is_shared is False and pool.kind not in _DEVICES


def _left_behind(volume: Volume, datastore_id: str, cluster: str) -> records.Volume:
    return records.Volume(
        volume_id=f"{datastore_id}:{volume.path}",
        datastore_id=datastore_id,
        cluster=cluster,
        kind=volume.format,
        capacity_bytes=volume.capacity_bytes,
        allocated_bytes=volume.allocated_bytes,
    )


def mentioned_in(documents: Iterable[Element], storages: Storages) -> frozenset[str]:
    """The paths of all volumes that definitions and snapshots mention, and those below them."""
    waiting = [place for document in documents for place in _places(document)]
    found: set[str] = set()
    while waiting:
        place = waiting.pop()
        volume = storages.volume_at(place)
        path = place if volume is None else volume.path
        if path not in found:
            found.add(path)
            waiting += [volume.backing] if volume is not None and volume.backing else []
    return frozenset(found)


def _places(document: Element) -> Iterator[str]:
    """All that may name an image: every path, wherever it stands, and every POOL/VOLUME."""
    for element in document.iter():
        values = [(element.text or "").strip(), *element.attrib.values()]
        yield from (value for value in values if value.startswith("/"))
        if element.get("pool") and element.get("volume"):
            yield f"{element.get('pool')}/{element.get('volume')}"


def unknown_images(domains: Iterable[Domain], storages: Storages) -> list[str]:
    """GUEST SLOT of every disk below which there may be images that nothing names."""
    return [
        f"{domain.name or domain.uuid} {_slot(drive)}"
        for domain in domains
        for drive in domain.drives
        if not images_of(drive, storages).are_all
    ]


def _slot(drive: Element) -> str:
    target = drive.find("target")
    return "?" if target is None else target.get("dev", "?")


def volume_coverage(storages: Storages, drives: list[Element]) -> Iterator[Coverage]:
    """What was seen of each datastore's volumes."""
    troubles = storages.troubles(drives)
    for key, pools in storages.by_datastore.items():
        scope = f"datastore/{key}"
        if any(pool.is_shared is not False for pool in pools):
            reason = "guests of other hosts may use what lies on shared storage"
            yield Coverage(scope, "volume", "hidden", reason, BEYOND_REACH)
        elif key in troubles:
            yield Coverage(scope, "volume", "partial", *troubles[key])
        elif not all(pool.volumes_seen for pool in pools):
            yield Coverage(scope, "volume", "failed", "its volumes could not be listed")
        else:
            yield Coverage(scope, "volume", "complete", _AS_REFRESHED)
