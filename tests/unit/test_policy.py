"""The policy's defaults are the glossary's; its version is of its values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from planner.policy import LeadTime, Policy


def test_the_defaults_are_those_of_the_glossary() -> None:
    policy = Policy()
    assert {
        (resource, model): policy.limit(resource, model)  # type: ignore[arg-type]
        for resource in ("cpu", "memory", "storage")
        for model in ("demand", "allocation")
    } == {
        ("cpu", "demand"): 0.75,
        ("memory", "demand"): 0.80,
        ("storage", "demand"): 0.80,
        ("cpu", "allocation"): 4.0,
        ("memory", "allocation"): 1.0,
        ("storage", "allocation"): 1.5,
    }
    assert policy.failover.hosts == 1
    assert (policy.reserve.cpu_cores_per_host, policy.reserve.memory_gib_per_host) == (None, None)
    rules = policy.forecast
    assert (rules.horizon_days, rules.minimum_history_days, rules.minimum_coverage_ratio) == (
        730, 14, 0.40,
    )  # fmt: skip
    assert rules.order_by_basis == "conservative"
    assert (policy.status.act_days, policy.status.plan_days) == (30, 90)


def test_the_default_lead_time_is_314_days_and_not_confirmed() -> None:
    lead = LeadTime()
    assert [
        lead.approval_days,
        lead.tender_days,
        lead.delivery_days,
        lead.installation_days,
        lead.safety_days,
    ] == [30, 60, 180, 14, 30]
    assert (lead.days, lead.confirmed) == (314, False)


def leaves(table: BaseModel, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


ENTRIES: dict[tuple[str, ...], Any] = {
    ("showback", "clusters"): {"c": {"cost_month": 1.0, "cpu_ratio": 0.5, "memory_ratio": 0.5}},
    ("tiers",): {"1": {"failover_hosts": 2}},
    ("backup", "history_days"): {"publik": 30},
    ("encryption", "in_guest"): ("publik",),
}


def another(value: Any) -> Any:
    """A value of the same kind that is not this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return value | {"2": value["2"] + 1}
    if isinstance(value, tuple):
        return (*value, "DAR-004")
    if isinstance(value, str):
        return {"essential": "full", "conservative": "base", "percentile": "decaying"}.get(
            value, value + "x"
        )
    return 1.0 if value is None else value + 1 if isinstance(value, int) else value * 0.99


LEAVES = dict(leaves(Policy()))


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_the_version_changes_with_every_value(path: tuple[str, ...]) -> None:
    tables: Any = ENTRIES.get(path) or another(LEAVES[path])
    for name in reversed(path):
        tables = {name: tables}
    assert Policy.model_validate(tables).version != Policy().version


def test_the_version_is_of_the_values_not_of_how_they_came() -> None:
    said = Policy.model_validate({"threshold": {"cpu": 0.75}, "lead_time": {"safety_days": 30}})
    assert said.version == Policy().version
    assert said.version.startswith("default-")
    assert Policy(label="2026").version.startswith("2026-")


def test_what_the_file_leaves_out_is_assumed() -> None:
    policy = Policy.model_validate({"threshold": {"cpu": 0.75}})
    assert not policy.is_assumed("threshold", "cpu")
    assert policy.is_assumed("threshold", "memory")
    assert policy.is_assumed("overcommit", "cpu")


@pytest.mark.parametrize(
    "tables",
    [
        {"threshold": {"memory": 80}},
        {"levels": {"warning": 0.95}},
        {"threshold": {"memory": 0}},
        {"overcommit": {"cpu": -1}},
        {"failover": {"hosts": 1.5}},
        {"forecast": {"horizon_days": 7}},
        {"lead_time": {"delivery_days": -1}},
        {"backup": {"rpo_hours": {"5": 3}}},
        {"thresholds": {}},
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(tables: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(tables)


def test_a_policy_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        Policy().threshold.cpu = 1.0  # type: ignore[misc]
