"""The catalogue in its tables. Functions of a connection, each within its caller's transaction."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct, structs
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, tuple_, update

from order_service.catalogue.contracts import Contract, Period, following
from order_service.catalogue.model import Article, Place, Warehouse
from order_service.order.refusals import InvalidField
from order_service.storage.catalogue_schema import (
    articles,
    catalogues,
    contracts,
    places,
    warehouses,
)

WAREHOUSES_MAX: Final = 1_000
"""Of a shop: they are listed in one piece, and looked at for every order."""


# Each kind's table, and the columns beside the tenant by which a row is named.
_TABLES: Final[dict[type[Struct], tuple[Table, tuple[str, ...]]]] = {
    Article: (articles, ("sku",)),
    Warehouse: (warehouses, ("location",)),
    Place: (places, ("country", "region", "postcode_prefix")),
}


class Changes(NamedTuple):
    """The rows that are newer than a version of a shop's catalogue."""

    version: int
    articles: list[Article]
    warehouses: list[Warehouse]
    places: list[Place]
    contracts: list[Contract]


class Part(NamedTuple):
    """A part of things of one kind: its fields change, the others stay as they are."""

    fields: frozenset[str]
    checked: Callable[[Sequence[Any]], list[Any]]
    """Checks the things as they will be, because each part may be right and the whole wrong."""


def put(
    connection: Connection, tenant: str, things: Sequence[Struct], part: Part | None = None
) -> int:
    """Creates articles, warehouses or places, one kind at a time, or overwrites them.

    With a `part` only that of the things that exist. Returns the catalogue's new version. Raises
    InvalidField if the shop has too many warehouses.
    """
    table, key = _TABLES[type(things[0])]
    # Puts into one catalogue wait for each other here, so versions are in the order of commits.
    version = _next_version(connection, tenant)
    if part is not None:
        things = part.checked(_with_part(connection, tenant, things, part.fields))
    rows = [_row(each, tenant, version) for each in things]
    columns = [table.c[name] == bindparam(f"old_{name}") for name in ("tenant", *key)]
    old_keys = [{f"old_{name}": row[name] for name in ("tenant", *key)} for row in rows]
    connection.execute(delete(table).where(*columns), old_keys)
    connection.execute(insert(table), rows)
    if table is warehouses:
        count = connection.scalar(
            select(func.count()).select_from(warehouses).where(warehouses.c.tenant == tenant)
        )
        if (count or 0) > WAREHOUSES_MAX:
            raise InvalidField("warehouses", f"a shop has at most {WAREHOUSES_MAX:,}", count)
    return version


def _with_part(
    connection: Connection, tenant: str, things: Sequence[Any], fields: frozenset[str]
) -> list[Any]:
    """The things as they are with some fields changed; a new one as it was given."""
    table, (key, *_) = _TABLES[type(things[0])]
    read = _article if table is articles else _warehouse
    keys = [getattr(thing, key) for thing in things]
    wanted = select(table).where(table.c.tenant == tenant, table.c[key].in_(keys))
    known: dict[str, Any] = {row[1]: read(row) for row in connection.execute(wanted)}
    return [
        structs.replace(known[name], **{field: getattr(thing, field) for field in fields})
        if (name := getattr(thing, key)) in known
        else thing
        for thing in things
    ]


def versions(connection: Connection) -> dict[str, int]:
    """The version of each shop's catalogue."""
    return {row[0]: row[1] for row in connection.execute(select(catalogues))}


def changes_since(connection: Connection, tenant: str, version: int) -> Changes:
    """Reads rows put after a version. A row put meanwhile may be among them, and is read again."""
    now = connection.scalar(select(catalogues.c.version).where(catalogues.c.tenant == tenant)) or 0

    def newer(table: Table) -> Iterable[Any]:
        wanted = select(table).where(table.c.tenant == tenant, table.c.version > version)
        return connection.execute(wanted)

    return Changes(
        now,
        [_article(row) for row in newer(articles)],
        [_warehouse(row) for row in newer(warehouses)],
        [_place(row) for row in newer(places)],
        [_contract(row) for row in newer(contracts)],
    )


def put_contract(
    connection: Connection, tenant: str, wanted: Contract, now_ms: int
) -> tuple[Contract, bool]:
    """Writes the contract that follows a merchant's last; the second value: it is the last.

    Raises InvalidField for one that would change what was in force.
    """
    version = _next_version(connection, tenant)  # those who put wait for one another here
    known = list_contracts(connection, tenant, wanted.merchant_id, ("", 0), -1)
    made = following(known, wanted, now_ms)
    if made is None:
        return known[-1], True
    connection.execute(insert(contracts), _row(made, tenant, version))
    return made, False


def list_contracts(
    connection: Connection, tenant: str, merchant_id: str, after: tuple[str, int], size: int
) -> list[Contract]:
    """Contracts by merchant and number, those after one; "" of the merchant means all."""
    key = (contracts.c.merchant_id, contracts.c.contract_no)
    wanted = select(contracts).where(contracts.c.tenant == tenant, tuple_(*key) > after)
    if merchant_id:
        wanted = wanted.where(contracts.c.merchant_id == merchant_id)
    wanted = wanted.order_by(*key)
    rows = connection.execute(wanted if size < 0 else wanted.limit(size))
    return [_contract(row) for row in rows]


def list_articles(
    connection: Connection, tenant: str, merchant_id: str, after: str, sku: str, size: int
) -> list[Article]:
    """Articles by SKU, those after one; "" of merchant or SKU means all."""
    wanted = select(articles).where(articles.c.tenant == tenant, articles.c.sku > after)
    if merchant_id:
        wanted = wanted.where(articles.c.merchant_id == merchant_id)
    if sku:
        wanted = wanted.where(articles.c.sku == sku)
    rows = connection.execute(wanted.order_by(articles.c.sku).limit(size))
    return [_article(row) for row in rows]


def list_warehouses(connection: Connection, tenant: str) -> list[Warehouse]:
    """All warehouses of a shop, the most preferred first."""
    rows = connection.execute(select(warehouses).where(warehouses.c.tenant == tenant))
    return sorted(map(_warehouse, rows), key=preference)


def list_places(
    connection: Connection, tenant: str, after: Sequence[str], size: int
) -> list[Place]:
    """Places by country, region and prefix, those after one."""
    key = (places.c.country, places.c.region, places.c.postcode_prefix)
    wanted = select(places).where(places.c.tenant == tenant)
    if after:
        wanted = wanted.where(tuple_(*key) > tuple(after))
    rows = connection.execute(wanted.order_by(*key).limit(size))
    return [_place(row) for row in rows]


def preference(warehouse: Warehouse) -> tuple[int, str]:
    """By this key the most preferred warehouse comes first."""
    return (warehouse.priority, warehouse.location)


def _next_version(connection: Connection, tenant: str) -> int:
    version: int | None = connection.scalar(
        update(catalogues)
        .where(catalogues.c.tenant == tenant)
        .values(version=catalogues.c.version + 1)
        .returning(catalogues.c.version)
    )
    if version is None:
        connection.execute(insert(catalogues), {"tenant": tenant, "version": 1})
        return 1
    return version


def _row(thing: Struct, tenant: str, version: int) -> dict[str, Any]:
    row = {"tenant": tenant, **structs.asdict(thing), "version": version}
    return {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}


def _article(row: Any) -> Article:
    return Article(*row[1:10], *map(bool, row[10:13]))


def _warehouse(row: Any) -> Warehouse:
    _, location, country, latitude, longitude, priority, closed, _ = row
    return Warehouse(location, country, latitude, longitude, priority, bool(closed))


def _contract(row: Any) -> Contract:
    values = dict(zip(Contract.__struct_fields__, row[1:-1], strict=True))
    return Contract(
        **{
            **values,
            "merchant_ships": bool(values["merchant_ships"]),
            "merchant_collects": bool(values["merchant_collects"]),
            "period": Period(values["period"]),
        }
    )


def _place(row: Any) -> Place:
    return Place(*row[1:6])
