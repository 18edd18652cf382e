"""Entries of the owners' file about the platform: clusters, networks, and who works on it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClusterEntry(_Table):
    """What is declared of a cluster."""

    metrics_pulled: bool = Field(
        False, description="true: a monitoring system outside reads its figures by itself"
    )


class NetworkEntry(_Table):
    """What is declared of a network segment."""

    zone: str = Field(
        min_length=1, description="how far it is trusted: dmz, internal, mgmt, backup, cctv, …"
    )


class PrincipalEntry(_Table):
    """Whose an account of the platform is."""

    agency: str | None = Field(None, description="the code of the agency that it works for")
    kind: Literal["staff", "service", "processor"] = Field(
        "staff", description="a person, a program that logs in by token alone, or a contractor"
    )
    custodian: bool = Field(
        False, description="true: it looks after the guests of every agency, as their custodian"
    )


class RealmEntry(_Table):
    """What is declared of a realm, a place that authenticates users."""

    second_factor_elsewhere: bool = Field(
        False, description="true: its identity provider asks everyone for a second factor"
    )
