"""Makes RVTools workbooks: the sheets and columns as RVTools 4.x writes them, a small vCenter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from command_line import Ran, lumbung_here

TAIL = (
    "Datacenter", "Cluster", "Host", "Folder", "OS according to the configuration file",
    "OS according to the VMware Tools", "VM ID", "VM UUID", "VI SDK Server", "VI SDK UUID",
)  # fmt: skip
HEAD = ("VM", "Powerstate", "Template", "SRM Placeholder")
COLUMNS: dict[str, tuple[str, ...]] = {
    "vInfo": (
        *HEAD, "Config status", "DNS Name", "Connection state", "Guest state", "Heartbeat",
        "PowerOn", "Suspend time", "Creation date", "CPUs", "Memory", "NICs", "Disks",
        "Total disk capacity MiB", "Primary IP Address", "Network #1", "Video Ram KiB",
        "Resource pool", "Folder ID", "Folder", "DAS protection", "FT State", "FT Role",
        "Provisioned MiB", "In Use MiB", "Unshared MiB", "HA Restart Priority",
        "EFI Secure boot", "Firmware", "HW version", "Path", "Annotation", "Datacenter",
        "Cluster", "Host", "OS according to the configuration file",
        "OS according to the VMware Tools", "VM ID", "SMBIOS UUID", "VM UUID",
        "VI SDK Server type", "VI SDK API Version", "VI SDK Server", "VI SDK UUID",
    ),
    "vCPU": (*HEAD, "CPUs", "Sockets", "Cores p/s", "Max", "Overall", "Level", "Shares",
             "Reservation", "Entitlement", "DRS Entitlement", "Limit", "Hot Add", *TAIL),
    "vMemory": (*HEAD, "Size MiB", "Memory Reservation Locked To Max", "Overhead", "Max",
                "Consumed", "Consumed Overhead", "Private", "Shared", "Swapped", "Ballooned",
                "Active", "Entitlement", "Reservation", "Limit", "Hot Add", *TAIL),
    "vDisk": (*HEAD, "Disk", "Disk Key", "Disk UUID", "Disk Path", "Capacity MiB", "Raw",
              "Disk Mode", "Sharing mode", "Thin", "Eagerly Scrub", "Split", "Write Through",
              "Controller", "Label", "SCSI Unit #", "Unit #", "Shared Bus", "Path", "Raw LUN ID",
              "Raw Comp. Mode", "Internal Sort Column", "Annotation", *TAIL),
    "vPartition": (*HEAD, "Disk Key", "Disk", "Capacity MiB", "Consumed MiB", "Free MiB",
                   "Free %", "Internal Sort Column", *TAIL),
    "vNetwork": (*HEAD, "NIC label", "Adapter", "Network", "Switch", "Connected",
                 "Starts Connected", "Mac Address", "Type", "IPv4 Address", "IPv6 Address",
                 "Direct Path IO", "Internal Sort Column", *TAIL),
    "vUSB": (*HEAD, "Device Node", "Device Type", "Connected", "Family", "Speed", *TAIL),
    "vSnapshot": ("VM", "Powerstate", "Name", "Description", "Date / time", "Filename",
                  "Size MiB (vmsn)", "Size MiB (total)", "Quiesced", "State", "Annotation", *TAIL),
    "vTools": (*HEAD, "VM Version", "Tools", "Tools Version", "Required Version", "Upgradeable",
               "Upgrade Policy", "Sync time", "App status", "Heartbeat status", *TAIL),
    "vCluster": ("Name", "Config status", "OverallStatus", "NumHosts", "numEffectiveHosts",
                 "TotalCpu", "NumCpuCores", "NumCpuThreads", "Effective Cpu", "TotalMemory",
                 "HA enabled", "Failover Level", "DRS enabled", "Object ID", "VI SDK Server",
                 "VI SDK UUID"),
    "vHost": ("Host", "Datacenter", "Cluster", "Config status", "in Maintenance Mode",
              "in Quarantine Mode", "CPU Model", "Speed", "HT Available", "HT Active", "# CPU",
              "Cores per CPU", "# Cores", "CPU usage %", "# Memory", "Memory usage %", "Console",
              "# NICs", "# HBAs", "# VMs total", "# VMs", "VMs per Core", "# vCPUs",
              "vCPUs per Core", "vRAM", "ESX Version", "Boot time", "Vendor", "Model",
              "Service tag", "Object ID", "UUID", "VI SDK Server", "VI SDK UUID"),
    "vDatastore": ("Name", "Config status", "Address", "Accessible", "Type", "# VMs total",
                   "# VMs", "Capacity MiB", "Provisioned MiB", "In Use MiB", "Free MiB", "Free %",
                   "SIOC enabled", "SIOC Threshold", "# Hosts", "Hosts", "Cluster name",
                   "Block size", "Major Version", "Version", "MHA", "URL", "Object ID",
                   "VI SDK Server", "VI SDK UUID"),
    "vMetaData": ("RVTools major version", "RVTools version", "xlsx creation datetime", "Server"),
}  # fmt: skip
VCENTER = {"VI SDK Server": "vc1.example", "VI SDK UUID": "6f0e1d2c-0000-4000-8000-000000000001"}
OS = "Debian GNU/Linux 12 (64-bit)"
GIB = 1024  # of MiB

Cells = dict[str, Any]


def host(name: str = "esx1", cluster: str = "VC-A", **more: Any) -> Cells:
    return {
        "Host": name, "Datacenter": "DC", "Cluster": cluster, "in Maintenance Mode": "False",
        "CPU Model": "Intel Xeon Gold 6230", "Speed": 2100, "HT Active": "True", "# CPU": 2,
        "Cores per CPU": 16, "# Cores": 32, "CPU usage %": 25, "# Memory": 512 * GIB,
        "Memory usage %": 50, "# VMs total": 2, "ESX Version": "VMware ESXi 7.0.3 build-20328353",
        "Boot time": "2026/01/05 03:00:00",
    } | VCENTER | more  # fmt: skip


def uuid_of(number: int) -> str:
    return f"42100000-0000-4000-8000-{number:012d}"


@dataclass
class Vm:
    """One virtual machine; its rows in every sheet are made from it."""

    number: int
    name: str = ""
    host: str = "esx1"
    power: str = "poweredOn"
    info: Cells = field(default_factory=dict)
    disks: Sequence[Cells] = ({},)
    nics: Sequence[Cells] = ({},)
    snapshots: Sequence[Cells] = ()
    usb: Sequence[Cells] = ()
    partitions: Sequence[Cells] = ({},)
    tools: str | None = "toolsOk"

    def _common(self) -> Cells:
        return {
            "VM": self.name or f"vm{self.number}", "Powerstate": self.power, "Template": "False",
            "Datacenter": "DC", "Cluster": "VC-A", "Host": self.host,
            "VM ID": f"vm-{self.number}", "VM UUID": f"50100000-0000-4000-8000-{self.number:012d}",
            "OS according to the configuration file": OS,
        } | VCENTER  # fmt: skip

    def rows(self) -> dict[str, list[Cells]]:
        common = self._common()
        shared = {key: self.info[key] for key in self.info if key in (*HEAD, *TAIL)}
        info = {
            "Connection state": "connected", "CPUs": 4, "Memory": 8 * GIB, "In Use MiB": 30 * GIB,
            "Provisioned MiB": 48 * GIB, "EFI Secure boot": "False", "Firmware": "bios",
            "SMBIOS UUID": uuid_of(self.number), "Annotation": "root password is hunter2",
            "OS according to the VMware Tools": OS, "Resource pool": "/DC/VC-A/Resources",
        }  # fmt: skip
        common |= shared
        return {
            "vInfo": [common | info | self.info],
            "vCPU": [common | {"CPUs": 4, "Overall": 1050}],
            "vMemory": [common | {"Size MiB": 8 * GIB, "Consumed": 6000, "Active": 2000}],
            "vDisk": [common | self._disk(i) | disk for i, disk in enumerate(self.disks, 1)],
            "vNetwork": [common | self._nic(i) | nic for i, nic in enumerate(self.nics, 1)],
            "vSnapshot": [common | snapshot for snapshot in self.snapshots],
            "vUSB": [common | device for device in self.usb],
            "vTools": [] if self.tools is None else [common | {"Tools": self.tools}],
            "vPartition": [
                common | {"Disk": "/", "Capacity MiB": 39 * GIB, "Consumed MiB": 19 * GIB,
                          "Free MiB": 20 * GIB, "Free %": 51} | partition
                for partition in self.partitions
            ],
        }  # fmt: skip

    def _disk(self, number: int) -> Cells:
        return {
            "Disk": f"Hard disk {number}", "Disk Key": 1999 + number, "Capacity MiB": 40 * GIB,
            "Raw": "False", "Disk Mode": "persistent", "Sharing mode": "sharingNone",
            "Thin": "True", "Controller": "SCSI controller 0", "Shared Bus": "noSharing",
            "Path": f"[san1] vm{self.number}/vm{self.number}_{number}.vmdk",
        }  # fmt: skip

    def _nic(self, number: int) -> Cells:
        return {
            "NIC label": f"Network adapter {number}", "Adapter": "Vmxnet3", "Network": "VLAN 10",
            "Connected": str(self.power == "poweredOn"), "Starts Connected": "True",
            "Mac Address": f"00:50:56:00:{self.number % 256:02X}:{number:02X}",
            "Direct Path IO": "False",
        }  # fmt: skip


def store(name: str = "san1", *, used: int = 4000 * GIB, **more: Any) -> Cells:
    return {
        "Name": name, "Address": "naa.60003ff44dc75adc", "Accessible": "True", "Type": "VMFS",
        "Capacity MiB": 10_000 * GIB, "In Use MiB": used, "Free MiB": 10_000 * GIB - used,
        "# Hosts": 2, "Hosts": "esx1, esx2", "MHA": "True", "URL": f"ds:///vmfs/volumes/{name}/",
    } | VCENTER | more  # fmt: skip


@dataclass
class Book:
    """One workbook; ``sheets`` is what each holds, and may be changed before it is written."""

    sheets: dict[str, list[Cells]]
    columns: dict[str, list[str]]

    @classmethod
    def of(
        cls,
        vms: Sequence[Vm],
        *,
        taken: datetime | str | None = None,
        hosts: Sequence[Cells] | None = None,
        stores: Sequence[Cells] | None = None,
    ) -> Book:
        hosts = [host("esx1"), host("esx2")] if hosts is None else list(hosts)
        sheets: dict[str, list[Cells]] = {name: [] for name in COLUMNS}
        for vm in vms:
            for sheet, rows in vm.rows().items():
                sheets[sheet] += rows
        sheets["vHost"] = list(hosts)
        sheets["vDatastore"] = [store()] if stores is None else list(stores)
        for name in sorted({h["Cluster"] for h in hosts if h["Cluster"]}):
            count = sum(h["Cluster"] == name for h in hosts)
            sheets["vCluster"].append(
                {"Name": name, "NumHosts": count, "HA enabled": "True", "DRS enabled": "True"}
                | VCENTER
            )
        if taken is not None:
            sheets["vMetaData"] = [
                {"RVTools major version": "4.7", "RVTools version": "4.7.1.4",
                 "xlsx creation datetime": taken, "Server": "vc1.example"}
            ]  # fmt: skip
        return cls(sheets, {name: list(columns) for name, columns in COLUMNS.items()})

    def without(self, *sheets: str) -> Book:
        for sheet in sheets:
            del self.sheets[sheet]
        return self

    def table(self, sheet: str) -> list[list[Any]]:
        columns = self.columns[sheet]
        return [list(columns), *([row.get(c) for c in columns] for row in self.sheets[sheet])]

    def tables(self) -> dict[str, list[list[Any]]]:
        return {sheet: self.table(sheet) for sheet in self.sheets}

    def save(self, path: Path) -> Path:
        book = Workbook()
        book.remove(book.worksheets[0])
        for sheet in self.sheets:
            page = book.create_sheet(sheet)
            for row in self.table(sheet):
                page.append(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(path)
        return path


@dataclass
class Estate:
    """A folder of exports beside a configuration, and the command line run on it."""

    root: Path
    now: datetime
    estate: str = ""
    more: str = ""  # further sources

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def config(self) -> Path:
        return self.root / "lumbung.toml"

    def configure(self, **options: str) -> Estate:
        lines = ['[site]\nname = "Test"\ntimezone = "Asia/Jakarta"\n']
        lines.append('[[sources]]\nname = "vc"\nkind = "rvtools"\npath = "exports"')
        lines += [f'{key} = "{value}"' for key, value in options.items()]
        lines.append(self.more)
        if self.estate:
            (self.root / "estate.yaml").write_text(self.estate)
            lines.append('[estate]\nfile = "estate.yaml"\n')
        self.config.write_text("\n".join(lines))
        return self

    def call(self, *arguments: str, env: Mapping[str, str] = {}) -> Ran:
        return lumbung_here("--config", str(self.config), *arguments, now=self.now, env=env)

    def run(self, *arguments: str, expect: int = 0) -> str:
        result = self.call(*arguments)
        if result.returncode != expect:
            raise AssertionError(
                f"lumbung {' '.join(arguments)} exited {result.returncode}, not {expect}\n"
                f"{result.stdout}\n{result.stderr}"
            )
        return result.stdout
