"""What can go wrong with the store.

StoreError
├── StoreMissing      no store at that address, and this command makes none
├── SchemaTooOld      the store needs `lumbung db upgrade`
├── SchemaTooNew      the store was written by a newer Lumbung
├── ClusterConflict   two sources report one cluster name without being configured so
└── StoreUnusable     no permission, server away
    ├── StoreFull     nothing more can be written: a full disk, a quota
    └── StoreDamaged  the file is malformed, or something else
"""

from __future__ import annotations


class StoreError(Exception):
    """A fault of the store; the message says what, where and what to do."""


class StoreMissing(StoreError):
    pass


class DriverMissing(StoreError):
    pass


class SchemaTooOld(StoreError):
    pass


class SchemaTooNew(StoreError):
    pass


class ClusterConflict(StoreError):
    pass


class StoreUnusable(StoreError):
    pass


class StoreFull(StoreUnusable):
    pass


class StoreDamaged(StoreUnusable):
    pass
