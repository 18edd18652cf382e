"""The ledger of forecasts: what every report published, kept to be held against what came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.forecast_records import Forecast, ForecastBand, Said
from inventory.samples import insert
from inventory.schema import ForecastBandRow, ForecastRow, table_of

_FORECAST = table_of(ForecastRow)
_BAND = table_of(ForecastBandRow)
_KEY = ("pool_kind", "pool", "resource", "model", "as_of")


def said_between(connection: Connection, since: date, before: date) -> tuple[Said, ...]:
    """What was published of the days from ``since`` on and before ``before``, the oldest first."""
    bands: dict[tuple[object, ...], list[ForecastBand]] = {}
    for row in _rows(connection, _BAND, since, before):
        key = tuple(row.pop(name) for name in _KEY)
        bands.setdefault(key, []).append(ForecastBand.model_validate(row))
    return tuple(
        Said(Forecast.model_validate(row), tuple(bands.get(tuple(row[k] for k in _KEY), ())))
        for row in _rows(connection, _FORECAST, since, before)
    )


def _rows(
    connection: Connection, table: sa.Table, since: date, before: date
) -> list[dict[str, object]]:
    order = [table.c.as_of, *table.primary_key.columns]
    query = sa.select(table).where(table.c.as_of >= since, table.c.as_of < before).order_by(*order)
    return [dict(row) for row in connection.execute(query).mappings()]


def remember_forecasts(connection: Connection, published: Iterable[Said]) -> None:
    """Writes what was published; a second forecast of the same day replaces the first."""
    forecasts, bands = [], []
    for said in published:
        row = said.forecast.model_dump()
        key = {name: row[name] for name in _KEY}
        forecasts.append(row)
        bands += [key | band.model_dump() for band in said.bands]
    if forecasts:
        same = sa.and_(*(_BAND.c[name] == sa.bindparam(f"of_{name}") for name in _KEY))
        keys = [{f"of_{name}": row[name] for name in _KEY} for row in forecasts]
        connection.execute(_BAND.delete().where(same), keys)
    insert(connection, _FORECAST, forecasts, renew=True)
    insert(connection, _BAND, bands)
