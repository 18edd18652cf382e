"""What a token may see: effective privileges per path, and the command that grants a missing one.

Proxmox VE answers 200 with an empty list where a right is missing, so an empty answer means
nothing until the rights are known. A more specific ACL replaces the inherited one: judge by the
path, never by the role on /.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.proxmox.values import flag


@dataclass(frozen=True, slots=True)
class Rights:
    """The answer of /access/permissions: path → privilege → whether it holds below, too."""

    paths: Mapping[str, Mapping[str, bool]]
    token_id: str

    @classmethod
    def of(cls, body: Any, token_id: str) -> Rights | None:
        """The rights in an answer; None when it is no answer of that kind."""
        if not isinstance(body, Mapping):
            return None
        paths = {
            str(path): {str(name): flag(value) is True for name, value in rights.items()}
            for path, rights in body.items()
            if isinstance(rights, Mapping)
        }
        return cls(paths, token_id)

    def has(self, privilege: str, path: str) -> bool:
        """Whether the token holds the privilege on the path, by itself or from above."""
        if path in self.paths:
            return privilege in self.paths[path]
        above = path
        while above != "/":
            above = above.rsplit("/", 1)[0] or "/"
            if above in self.paths:
                return self.paths[above].get(privilege, False)
        return False

    @property
    def are_empty(self) -> bool:
        return not any(self.paths.values())

    def grant(self, path: str) -> str:
        """The commands that would show what the path holds."""
        user = self.token_id.split("!", 1)[0]
        return (
            f"pveum acl modify {path} --users {user} --roles PVEAuditor && "
            f"pveum acl modify {path} --tokens '{self.token_id}' --roles PVEAuditor"
        )
