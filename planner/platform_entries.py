"""Entries of the owners' file about the platform: clusters, networks, realms."""

from __future__ import annotations

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


class RealmEntry(_Table):
    """What is declared of a realm, a place that authenticates users."""

    second_factor_elsewhere: bool = Field(
        False, description="true: its identity provider asks everyone for a second factor"
    )
