"""A waiver in the owners' file: a risk that somebody accepts for a time, and who approved that."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_DAYS = 365
LONGEST_DAYS_CRITICAL = 90
_WORD = r"^\S(.*\S)?$"


def _spelt_out(office: str) -> str:
    """An office's letters and digits: spaces, signs and capitals make no other office of it."""
    letters = unicodedata.normalize("NFKD", office).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Table):
    """What a waiver covers; all that is given must fit. Names are taken as they are written: no
    patterns, so that what comes later is not accepted unseen."""

    source: str | None = Field(None, pattern=_WORD, description="what this source tells of")
    cluster: str | None = Field(None, pattern=_WORD, description="what is in this cluster")
    host: str | None = Field(
        None, pattern=_WORD, description="this host by name, and the guests on it"
    )
    storage: str | None = Field(
        None,
        pattern=_WORD,
        description="this datastore by name or id, disks on it, and guests with no disk elsewhere",
    )
    service: str | None = Field(
        None, pattern=_WORD, description="this service and the guests it is made of"
    )
    tag: str | None = Field(None, pattern=_WORD, description="guests with this tag")
    uuid: str | None = Field(
        None, pattern=_WORD, description="the guest with this UUID: the surest"
    )

    @model_validator(mode="after")
    def _names_something(self) -> Scope:
        if not any(getattr(self, name) for name in Scope.model_fields):
            raise ValueError(f"is empty; name one of {', '.join(Scope.model_fields)}")
        return self


class Waiver(_Table):
    """A risk that is accepted for a time."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="its own short name")
    rule: str = Field(description="the rule whose findings are accepted")
    scope: Scope = Field(description="which of them")
    reason: str = Field(min_length=1, description="why that risk is accepted, in one sentence")
    compensating_control: str = Field("", description="what holds the risk down meanwhile")
    requested_by: str = Field(min_length=1, description="the office that asks, not a person")
    approved_by: str = Field(
        "", description="the office that approved it, another one; without it nothing is waived"
    )
    approved_at: date | None = Field(None, description="when it was approved")
    expires: date = Field(
        description="its last day; at most 365 days after its approval, 90 for what is critical"
    )
    reference: str = Field("", description="the ticket or the minutes that record it")

    @model_validator(mode="after")
    def _was_approved_by_another(self) -> Waiver:
        approver = _spelt_out(self.approved_by)
        if approver and approver == _spelt_out(self.requested_by):
            raise ValueError("approved_by must be someone else than requested_by")
        if self.approved_at is not None and self.expires < self.approved_at:
            raise ValueError(f"expires on {self.expires}, before its approval {self.approved_at}")
        return self

    @property
    def is_approved(self) -> bool:
        return bool(self.approved_by.strip()) and self.approved_at is not None

    def last_day(self, severity: str) -> date | None:
        """The last day on which it covers a finding of a severity; None while not approved.

        An approval that is for longer than allowed holds as long as allowed.
        """
        if self.approved_at is None or not self.is_approved:
            return None
        days = LONGEST_DAYS_CRITICAL if severity == "critical" else LONGEST_DAYS
        return min(self.expires, self.approved_at + timedelta(days=days))

    def is_in_force(self, severity: str, day: date) -> bool:
        """Whether a finding of a severity is accepted on a day."""
        last = self.last_day(severity)
        return last is not None and self.approved_at is not None and self.approved_at <= day <= last

    def faults(self, severity: str, day: date) -> tuple[str, ...]:
        """What is wrong with it on a day, for a rule of a severity; none while it is in order."""
        told = []
        if self.expires < day:
            told.append(f"expired on {self.expires}")
        if not self.is_approved:
            told.append("not approved")
        elif self.approved_at is not None and self.approved_at > day:
            told.append(f"approved only on {self.approved_at}")
        last = self.last_day(severity)
        if last is not None and last < self.expires:
            told.append(f"longer than allowed: it holds until {last}")
        return tuple(told)
