"""What the planner says as data, told in a language. English is what the planner itself says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inventory.records import Coverage
from planner.saying import Said, Text, unit_name
from reports.cells import filled

SAYINGS: Mapping[str, Mapping[str, str]] = {
    "id": {
        "speed_up": "percepat {orders}",
        "confirm_lead": "pastikan lama pengadaan {resource}",
        "second_host": "host kedua",
        "more": "tambah {resource}",
        "more_recorder": "tambah penyimpanan perekam",
        "look_at_recorder": "cari tahu mengapa simpanan perekam kurang",
        "next_proposed": "ajukan anggaran {order}",
        "next_budgeted": "tenderkan {order}",
        "next_tendered": "tanda tangani kontrak {order}",
        "next_contracted": "tagih pengiriman {order}",
        "next_delivered": "pasang dan operasikan {order}",
        "one_host": "hanya satu host, padahal ada mesin dengan kekritisan tertinggi",
        "load_not_known": "kapasitas atau kebutuhan tidak diketahui",
        "demand": "terpakai {load:,.0f} dari batas {usable:,.0f} {unit}",
        "demand_over": "terpakai {load:,.0f} dari batas {usable:,.0f} {unit}: sudah terlewati",
        "demand_first": "terpakai {load:,.0f} dari batas {usable:,.0f} {unit}, terlewati mulai "
        "{first}",
        "allocation": "teralokasi {load:,.0f} dari batas {usable:,.0f} {unit}",
        "allocation_over": "teralokasi {load:,.0f} dari batas {usable:,.0f} {unit}: sudah "
        "terlewati",
        "allocation_first": "teralokasi {load:,.0f} dari batas {usable:,.0f} {unit}, terlewati "
        "mulai {first}",
        "counted": "{order} {stage}, dihitung mulai {expected}",
        "not_counted": "{order} {stage}, belum dihitung",
        "of_these": "{count} dari {quantity} ini adalah {order} ({stage}, belum dihitung)",
        "under_way": "{stage} sejak {since}, diperkirakan beroperasi {expected} ({basis})",
        "no_pool": "tidak ada pool bernama {pool!r}: tidak dihitung di mana pun",
        "part_of_pieces": "termasuk dalam {quantity} yang dibutuhkan pool, bukan tambahan",
        "part_of_need": "termasuk dalam kebutuhan pool, bukan tambahan",
        "as_its_pool": "sampai saat itu sama mendesaknya dengan pool-nya: pesan paling lambat {on}",
        "not_yet": "belum dihitung sebelum ditenderkan",
        "late": "lebih lambat dari seharusnya",
        "spread": "pengadaan terdahulu selesai dalam {first} s.d. {last} hari",
        "note": "{note}",
        "keeps": "tersimpan {days:.1f} hari ({how}), diwajibkan {required:g} hari",
        "keeps_for": "tersimpan {days:.1f} hari ({how}), diwajibkan {required:g} hari ({rule})",
        "keeps_only": "tersimpan {days:.1f} hari ({how}); lama simpan wajibnya tidak dinyatakan",
        "never_checked": "tidak tercatat kapan diperiksa",
        "checked_ahead": "pemeriksaannya bertanggal {on}, padahal belum tiba",
        "checked_long_ago": "terakhir diperiksa {age} hari lalu; lewat {after} hari dianggap tidak "
        "diketahui",
        "kept_by_nothing": "tidak menyebut perekam atau datastore penyimpannya",
        "store_stale": "{source}, sumber data datastore-nya, basi",
        "no_source": "tidak ada sumber yang melaporkan {kind} ini",
        "size_not_known": "kapasitas dan rekaman tertuanya tidak diketahui",
        "no_cameras": "tidak ada kamera yang dinyatakan untuknya, dan rekaman tertuanya tidak "
        "diketahui",
        "lead_days": "lama pengadaan {days} hari",
        "threshold": "ambang {factor:g}",
        "overcommit": "overcommit {factor:g}",
        "no_reserve": "cadangan host 0",
        "item": "host {item}",
        "time_left": "sisa waktu pengadaannya",
        "bitrate": "laju bit dari tabel",
        "no_overheads": "tanpa overhead",
        "misnamed": "{subject}: tidak ada {kind} bernama {name!r}, jadi tidak dihitung; yang "
        "dikenal: {known}",
        "misnamed_near": "{subject}: tidak ada {kind} bernama {name!r}, jadi tidak dihitung; "
        "mungkin maksudnya {near!r}?",
        "of_project": "proyek {name!r}",
        "of_hardware": "perangkat keras tertanggal {when}",
        "of_order": "pengadaan {name!r}",
        "of_item": "barang katalog {name!r}",
        "of_exclusion": "pengecualian mulai {first}",
        "of_pool": "pool {name!r}",
    },
}
# Values that are words of the planner's, not names of the site's.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "id": {
        "proposed": "baru diusulkan",
        "budgeted": "sudah dianggarkan",
        "tendered": "sedang ditenderkan",
        "contracted": "sudah dikontrak",
        "delivered": "sudah diterima",
        "declared": "sesuai jadwal",
        "learnt": "menurut pengadaan terdahulu",
        "assumed": "asumsi",
        "measured": "terukur",
        "computed": "terhitung",
        "recorder": "perekam",
        "datastore": "datastore",
        "group": "kelompok",
        "pool": "pool",
        "source": "sumber",
        "cpu": "CPU",
        "memory": "memori",
        "storage": "penyimpanan",
    },
}
_NAMED = frozenset({"stage", "basis", "how", "kind", "resource"})


def tell(text: str, lang: str) -> str:
    """What a text says, in a language; one that is no statement of the planner's as it is."""
    if not isinstance(text, Text) or lang not in SAYINGS:
        return text
    return "; ".join(_told(said, lang) for said in text.said)


def _told(said: Said, lang: str) -> str:
    values = {name: _value(name, value, lang) for name, value in said.values.items()}
    return filled(SAYINGS[lang][said.key], lang, values)


def _value(name: str, value: Any, lang: str) -> Any:
    if isinstance(value, Text):
        return tell(value, lang)
    if name == "unit":
        return unit_name(value)
    if name in _NAMED:
        return word(value, lang)
    return value


def word(name: str, lang: str) -> str:
    """A word of the planner's; what is none, such as a site's own class of item, as it is."""
    return _WORDS.get(lang, {}).get(name, name)


# What could not be seen. A source's reason is kept as it was given; forms that we know are told.

_KINDS: Mapping[str, Mapping[str, str]] = {
    "id": {
        "host": "host",
        "guest": "mesin",
        "disk": "disk",
        "nic": "kartu jaringan",
        "datastore": "datastore",
        "guest_snapshot": "snapshot mesin",
        "backup": "cadangan",
        "backup_job": "jadwal pencadangan",
        "usage": "pemakaian",
        "volume": "berkas disk",
        "filesystem": "sistem berkas di dalam mesin",
        "firewall": "firewall",
        "firewall_rule": "aturan firewall",
        "principal": "akun",
        "replication": "replikasi",
    },
}
_STATES: Mapping[str, Mapping[str, str]] = {
    "id": {"hidden": "tersembunyi", "partial": "sebagian", "failed": "gagal"},
}
_REASONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "id": (
        (r"no right", "tanpa hak akses"),
        (
            r"(\d+) of (\d+) agents do not answer \((.*)\)",
            r"\1 dari \2 agen tidak menjawab (\3)",
        ),
        (
            r"before release (\d+) agents answer only to who may also do more \((.*)\)",
            r"sebelum rilis \1, agen hanya menjawab akun yang boleh lebih dari membaca (\2)",
        ),
        (
            (r"images are listed only to who may also write \((.*?)\); on a node, (`.*`) names "
            r"those that no guest refers to"),
            (r"berkas disk hanya didaftar bagi akun yang boleh menulis (\1); pada node, \2 "
            r"menyebut yang tidak dipakai mesin mana pun"),
        ),
        (r"(\S+) on (\S+) is missing: no guest is shown", r"tanpa \1 pada \2, tidak ada mesin"),
        (r"(\S+) on (\S+) is missing: no backup is shown", r"tanpa \1 pada \2, tidak ada cadangan"),
        (r"(\S+) on (\S+) is missing: no storage is shown",
         r"tanpa \1 pada \2, tidak ada datastore"),
        (r"(\S+) on (\S+) is missing: (.*)", r"hak \1 pada \2 tidak ada"),
        (r"(\S+) on (\S+) is missing", r"hak \1 pada \2 tidak ada"),
        (r"node (\S+) is offline", r"node \1 mati"),
        (r"its node (\S+) is offline", r"node-nya, \1, mati"),
    ),
}  # fmt: skip


def gap_told(gap: Coverage, lang: str) -> str:
    """What a poll could not see, and why."""
    if lang not in SAYINGS:
        return str(gap)
    kind = _KINDS[lang].get(gap.kind, gap.kind)
    where = f" {gap.scope}" if gap.scope else ""
    why = f" ({_reason(gap.reason, lang)})" if gap.reason else ""
    return f"{kind}{where}: {_STATES[lang].get(gap.state, gap.state)}{why}"


def _reason(reason: str, lang: str) -> str:
    for form, told in _REASONS[lang]:
        if found := re.fullmatch(form, reason):
            return found.expand(told)
    return reason
