"""The size that would do for a guest, by what it used; at most halved per round (glossary 17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from inventory.guest_days import GuestDay
from inventory.records import Guest
from planner.efficiency.use import Use, covered, decayed_cpu_quantile
from planner.numbers import ceil, exceeds
from planner.policy import RightsizeRules

GIB = 1024**3
_WIDE_STEP_ABOVE_GIB = 16
_DECAY_QUANTILE, _DECAY_MARGIN, _DECAY_HALF_LIFE_HOURS = 0.90, 1.15, 24.0

Fits = Literal["oversized", "undersized", "right", "unknown"]
Action = Literal["online", "restart", ""]


@dataclass(frozen=True, slots=True)
class Size:
    """The advice on one resource of a guest: what it has, used, should have now and next round.

    ``used`` is a percentile; amounts are cores or bytes. Without advice ``now`` and ``next`` are
    None, and ``why`` says what is missing.
    """

    has: float | None
    used: float | None
    now: float | None
    next: float | None
    fits: Fits
    why: str

    @property
    def saves(self) -> float:
        """What the advice gives back now; 0 when it gives nothing back."""
        if self.fits != "oversized" or self.has is None or self.now is None:
            return 0.0
        return self.has - self.now


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is advised for one guest."""

    cpu: Size
    memory: Size
    action: Action  # how a change takes effect; "" when nothing is to change

    @property
    def fits(self) -> Fits:
        """The more urgent of both: undersized, oversized, right; unknown when neither is known."""
        verdicts = {self.cpu.fits, self.memory.fits}
        for verdict in ("undersized", "oversized", "right"):
            if verdict in verdicts:
                return verdict
        return "unknown"


def vcpus_needed(cores: float, target_ratio: float) -> int:
    """Virtual processors that such a load fills to the target, rounded up to even; two at least."""
    raw = max(1, ceil(cores / target_ratio))
    return raw + raw % 2


def memory_needed(used_bytes: float, margin: float) -> int:
    """Bytes with the margin, in steps of 1 GiB (2 above 16); one GiB at least."""
    gib = max(1, ceil(used_bytes * margin / GIB))
    if gib > _WIDE_STEP_ABOVE_GIB:
        gib += gib % 2
    return gib * GIB


def one_round(has: float, needed: float, step: float) -> float:
    """The next size on the way down: at most halved, a whole number of steps."""
    return max(needed, step * ceil(has / 2 / step))


def sizing_of(
    guest: Guest,
    use: Use,
    as_of: date,
    *,
    rules: RightsizeRules,
    criticality: int | None,
    platform: str,
) -> Sizing:
    """The advice for a guest that runs; ``platform`` is what its source speaks to."""
    cpu = _cpu(guest, use, as_of, rules, criticality)
    memory = _memory(guest, use, rules, platform)
    changes = {cpu.fits, memory.fits} & {"oversized", "undersized"}
    action: Action = "online" if guest.kind == "container" else "restart"
    return Sizing(cpu, memory, action if changes else "")


def _cpu(
    guest: Guest,
    use: Use,
    as_of: date,
    rules: RightsizeRules,
    criticality: int | None,
) -> Size:
    has, p95 = guest.vcpus, use.cpu.quantile(0.95)
    if has is None:
        return Size(None, p95, None, None, "unknown", "its vCPUs are not known")
    if (told := covered(use.days, of="cpu")) < rules.minimum_days:
        return Size(has, p95, None, None, "unknown", _too_few(told, rules, "CPU"))
    needed, how = _cores_needed(use, as_of, rules, criticality)
    short = _short_days(use.days, has, rules)
    if short >= rules.undersized_days and needed > has:
        why = (
            f"on {short} days the 95th percentile was over {100 * rules.undersized_cpu_ratio:g} % "
            f"of {has:g} vCPUs; {how} asks for {needed}"
        )
        return Size(has, p95, float(needed), float(needed), "undersized", why)
    if needed >= has:
        return Size(has, p95, has, has, "right", f"{how} asks for {needed}, it has {has:g}")
    now = one_round(has, needed, 1.0)
    later = one_round(now, needed, 1.0)
    why = f"{how} asks for {needed} of {has:g} vCPUs{_rounds(now, needed)}"
    return Size(has, p95, now, later, "oversized", why)


def _cores_needed(
    use: Use, as_of: date, rules: RightsizeRules, criticality: int | None
) -> tuple[int, str]:
    if rules.estimator == "decaying":
        high = decayed_cpu_quantile(use.days, as_of, _DECAY_QUANTILE, _DECAY_HALF_LIFE_HOURS) or 0.0
        cores = decaying_estimate(high)
        return vcpus_needed(cores, 1.0), f"P90 {high:.2f} cores, newer days first, + 15 %"
    percentile = rules.cpu_percentile[_class_of(criticality)]
    cores = use.cpu.quantile(percentile / 100) or 0.0
    told = f"P{percentile:g} {cores:.2f} cores ÷ {rules.cpu_target_ratio:g}"
    return vcpus_needed(cores, rules.cpu_target_ratio), told


def decaying_estimate(p90_cores: float) -> float:
    """Cores to give, from the decayed 90th percentile: 15 % on top."""
    return _DECAY_MARGIN * p90_cores


def _class_of(criticality: int | None) -> Literal["1", "2", "3", "4", "unknown"]:
    names: tuple[Literal["1", "2", "3", "4"], ...] = ("1", "2", "3", "4")
    return "unknown" if criticality is None else names[criticality - 1]


def _short_days(days: Sequence[GuestDay], vcpus: float, rules: RightsizeRules) -> int:
    """On how many days the guest filled its processors."""
    limit = rules.undersized_cpu_ratio * vcpus
    sketches = (day.cpu for day in days if day.cpu is not None)
    highs = (s.quantile(0.95) for s in sketches if s.greatest > limit)
    return sum(1 for high in highs if high is not None and exceeds(high, limit))


def _rounds(now: float, needed: float) -> str:
    return f", halved at most: {now:g} now" if now > needed else ""


def _too_few(told: int, rules: RightsizeRules, what: str) -> str:
    return (
        f"{told} of the last {rules.window_days} days are known from {what} samples of two hours "
        f"or finer, {rules.minimum_days} are needed"
    )


def _memory(guest: Guest, use: Use, rules: RightsizeRules, platform: str) -> Size:
    has, p99 = guest.memory_bytes, use.memory.quantile(0.99)
    size = None if has is None else float(has)
    if size is None:
        return Size(None, None, None, None, "unknown", "its memory is not known")
    if (hidden := _hidden_memory(guest, platform)) is not None:
        return Size(size, None, None, None, "unknown", hidden)
    if p99 is None or (told := covered(use.days, of="memory")) < rules.minimum_days:
        told = 0 if p99 is None else told
        return Size(size, p99, None, None, "unknown", _too_few(told, rules, "memory"))
    needed = float(memory_needed(p99, rules.memory_margin))
    told_how = f"P99 {p99 / GIB:.1f} GiB × {rules.memory_margin:g}{_with_cache(guest, platform)}"
    if needed >= size:
        return Size(size, p99, size, size, "right", f"{told_how} asks for {needed / GIB:g} GiB")
    now = _memory_round(size, needed)
    later = _memory_round(now, needed)
    why = (
        f"{told_how} asks for {needed / GIB:g} of {size / GIB:g} GiB"
        f"{_rounds(now / GIB, needed / GIB)}"
    )
    fits: Fits = "oversized" if now < size else "right"
    return Size(size, p99, now, later, fits, why)


def _memory_round(has: float, needed: float) -> float:
    wide = max(needed, has / 2) > _WIDE_STEP_ABOVE_GIB * GIB
    return min(has, one_round(has, needed, (2 if wide else 1) * GIB))


def _hidden_memory(guest: Guest, platform: str) -> str | None:
    """Why what the guest uses cannot be known; None when it can."""
    if guest.kind == "container" or platform != "proxmox":
        return None
    if guest.ballooning is True:
        return None
    return (
        "only the host's view: without a balloon device all memory it ever touched counts as used"
    )


def _with_cache(guest: Guest, platform: str) -> str:
    """Proxmox VE counts a VM's file cache as used: the advice stays on the safe side."""
    return " (cache counted in)" if platform == "proxmox" and guest.kind != "container" else ""
