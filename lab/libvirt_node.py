"""Writes a host for libvirt's test driver: any number of guests, no daemon."""

from __future__ import annotations

from pathlib import Path

_TEST = "http://libvirt.org/schemas/domain/test/1.0"


def write_node(path: Path, guests: int) -> str:
    """The URI of a host with 2 × 16 cores, 512 GiB, one pool, and every fourth guest shut off."""
    domains = "".join(_domain(number) for number in range(guests))
    path.write_text(
        "<node><cpu><mhz>2600</mhz><model>x86_64</model><active>64</active><nodes>1</nodes>"
        "<sockets>2</sockets><cores>16</cores><threads>2</threads></cpu>"
        "<memory>536870912</memory><pool type='dir'><name>images</name><target><path>/images"
        f"</path></target>{''.join(_volume(number) for number in range(guests))}</pool>"
        f"{domains}</node>"
    )
    return f"test://{path}"


def uuid(number: int) -> str:
    """The UUID of the guest with that number."""
    return f"00000000-0000-4000-8000-{number:012d}"


def vcpus(number: int) -> int:
    return 1 + number % 8


def memory_kib(number: int) -> int:
    return (1 + number % 4) * 1024**2


def is_off(number: int) -> bool:
    return number % 4 == 3


def _volume(number: int) -> str:
    return (
        f"<volume type='file'><name>vm{number}.qcow2</name><capacity unit='GiB'>{number % 5 + 1}"
        "</capacity><allocation unit='MiB'>10</allocation><target>"
        f"<path>/images/vm{number}.qcow2</path></target></volume>"
    )


def _domain(number: int) -> str:
    off = "<test:runstate>5</test:runstate>" if is_off(number) else ""
    mac = ":".join(f"{byte:02x}" for byte in (0x52, 0x54, 0, *number.to_bytes(3, "big")))
    return (
        f"<domain type='test' xmlns:test='{_TEST}'><name>vm{number}</name>"
        f"<uuid>{uuid(number)}</uuid><memory unit='KiB'>{memory_kib(number)}</memory>"
        f"<vcpu>{vcpus(number)}</vcpu><os><type>hvm</type></os>{off}<devices>"
        f"<disk type='file' device='disk'><source file='/images/vm{number}.qcow2'/>"
        "<target dev='vda' bus='virtio'/></disk>"
        f"<interface type='bridge'><mac address='{mac}'/><source bridge='br0'/></interface>"
        "</devices></domain>"
    )
