"""What can go wrong with the store.

StoreError
├── StoreMissing      no store at that address, and this command makes none
├── SchemaTooOld      the store needs `lumbung db upgrade`
├── SchemaTooNew      the store was written by a newer Lumbung
├── ClusterConflict   two sources report one cluster name without being configured so
└── StoreUnusable     full disk, no permission, not a database, server away
"""

from __future__ import annotations


class StoreError(Exception):
    """A fault of the store; the message says what, where and what to do."""


class StoreMissing(StoreError):
    pass


class SchemaTooOld(StoreError):
    pass


class SchemaTooNew(StoreError):
    pass


class ClusterConflict(StoreError):
    pass


class StoreUnusable(StoreError):
    pass
