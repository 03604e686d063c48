"""Refunds have rows, and lines count the units and the money that went back.

A refund of before has rows as well as can be known: one for a parcel that was left out or given up
is of its units, one that somebody asked for is a part of the price of what was kept then, and the
rest was never due. Where more went back for units than they had cost, the excess shows it: the
audit names it.

Revision: 0008, after 0007.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNITS_CHECK = """
    coalesce(refunded_unshipped, 0) BETWEEN 0 AND cancelled
    AND coalesce(refunded_shipped, 0) BETWEEN 0 AND shipped
    AND coalesce(adjusted_units, 0) >= 0 AND coalesce(unpaid_units, 0) >= 0
    AND coalesce(refunded_unshipped, 0) + coalesce(refunded_shipped, 0)
        + coalesce(adjusted_units, 0) + coalesce(unpaid_units, 0) <= quantity
"""
_MONEY_CHECK = """
    coalesce(refunded_minor, 0) >= 0 AND coalesce(unpaid_minor, 0) >= 0
    AND coalesce(refunded_minor, 0) + coalesce(unpaid_minor, 0) <= amount_minor
    AND coalesce(adjusted_minor, 0) BETWEEN 0 AND coalesce(refunded_minor, 0)
"""
_FREIGHT_CHECK = "coalesce(freight_refunded_minor, 0) BETWEEN 0 AND freight_minor"
_COUNTS = ("refunded_unshipped", "refunded_shipped", "adjusted_units")
_SUM = """
    (SELECT coalesce(sum(amount_minor), 0) FROM refund_rows
     WHERE order_id = NEW.order_id AND refund_no = NEW.refund_no)
"""
_WRITTEN = (
    "EXISTS (SELECT 1 FROM refunds WHERE order_id = NEW.order_id AND refund_no = NEW.refund_no)"
)
_GUARDS = (
    ("refund_is_its_rows_1", "INSERT ON refunds", f"NEW.amount_minor <> {_SUM}"),
    ("refund_is_its_rows_2", "UPDATE ON refunds", "NEW.amount_minor <> OLD.amount_minor"),
    ("refund_rows_stay_1", "INSERT ON refund_rows", _WRITTEN),
    ("refund_rows_stay_2", "UPDATE ON refund_rows", ""),
    ("refund_rows_stay_3", "DELETE ON refund_rows", ""),
)
_WHY = "a refund is the sum of its rows, which never change"


def upgrade() -> None:
    """Makes the schema newer by one step."""
    _add("orders", "BIGINT", "freight_refunded_minor", freight_goes_back_once=_FREIGHT_CHECK)
    for name in _COUNTS:
        _add("order_lines", "INTEGER", name)
    _add("order_lines", "INTEGER", "unpaid_units", no_units_money_goes_back_twice=_UNITS_CHECK)
    for name in ("refunded_minor", "adjusted_minor"):
        _add("order_lines", "BIGINT", name)
    _add("order_lines", "BIGINT", "unpaid_minor", no_more_goes_back_than_it_cost=_MONEY_CHECK)
    _add("shipments", "INTEGER", "missing")
    _add("shipments", "BIGINT", "collect_minor")
    _create_rows()
    _fill()
    _guard()


def _add(table: str, kind: str, column: str, **checks: str) -> None:
    """Adds a column that may be null; a check may look at all columns that are there then."""
    here = "INTEGER" if not _is_postgres() else kind
    texts = [f"CONSTRAINT ck_{table}_{name} CHECK ({check})" for name, check in checks.items()]
    if _is_postgres():
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {here}")
        for text in texts:
            op.execute(f"ALTER TABLE {table} ADD {text}")
    else:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {here} {' '.join(texts)}")


def _create_rows() -> None:
    int2 = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    int8 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    columns = (
        ("order_id", int8),
        ("amount_minor", int8),
        ("units", sa.Integer()),
        ("refund_no", int2),
        ("row_no", int2),
        ("line_no", int2),
        ("sub_order_no", int2),
        ("shipment_no", int2),
        ("what", sa.Text()),
    )
    op.create_table(
        "refund_rows",
        *(sa.Column(name, kind, nullable=False, autoincrement=False) for name, kind in columns),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_refund_rows_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "refund_no", "row_no", name=op.f("pk_refund_rows")),
        sa.CheckConstraint(
            "amount_minor >= 0 AND units >= 0", name=op.f("ck_refund_rows_nothing_is_negative")
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _guard() -> None:
    """Has the database hold a refund against its rows, and its rows as they were written."""
    if _is_postgres():
        op.execute(
            "CREATE FUNCTION refuse_refund() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'check_violation'; END $$"
        )
        op.execute(
            "CREATE FUNCTION add_up_refund() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.amount_minor <> {_SUM} THEN "
            f"RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'check_violation'; "
            "END IF; RETURN NEW; END $$"
        )
        op.execute(
            "CREATE FUNCTION refuse_late_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_WRITTEN} THEN RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'check_violation'; "
            "END IF; RETURN NEW; END $$"
        )
        functions = ("add_up_refund", "refuse_refund", "refuse_late_row", *["refuse_refund"] * 2)
        for (name, event, _), function in zip(_GUARDS, functions, strict=True):
            when = "WHEN (NEW.amount_minor <> OLD.amount_minor)" if name.endswith("rows_2") else ""
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW {when} "
                f"EXECUTE FUNCTION {function}()"
            )
    else:
        for name, event, when in _GUARDS:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} {when and f'WHEN {when}'} "
                f"BEGIN SELECT RAISE(ABORT, '{_WHY}'); END"
            )


def _fill() -> None:
    """Gives the refunds of before their rows, an order at a time."""
    connection = op.get_bind()
    refunds = connection.execute(
        sa.text(
            "SELECT order_id, refund_no, refund_key, amount_minor FROM refunds "
            "ORDER BY order_id, refund_no"
        )
    ).all()
    for order_id, of_order in groupby(refunds, attrgetter("order_id")):
        books = _Books(connection, order_id)
        for refund in of_order:
            books.add(refund)
        books.write()
    # What was to be paid at the door and was left out is never paid.
    connection.execute(
        sa.text(
            "UPDATE order_lines SET unpaid_units = cancelled, "
            "unpaid_minor = amount_minor * cancelled / quantity "
            "WHERE cancelled > 0 AND refunded_minor IS NULL AND order_id IN "
            "(SELECT order_id FROM orders WHERE payment_method = 'cash_on_delivery' "
            "AND state <> 'CANCELLED')"
        )
    )


class _Line:
    """A line with its counters."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.unshipped = self.gone = self.minor = self.adjusted = self.adjusted_minor = 0

    @property
    def kept(self) -> int:
        return int(self.row.quantity) - self.unshipped - self.gone

    @property
    def left_minor(self) -> int:
        return int(self.row.amount_minor) - self.minor

    def refund(self, units: int, amount_minor: int, *, has_left: bool) -> tuple[int, int]:
        """Counts units that went back whole; gives the units and the money that it takes."""
        room = self.row.shipped - self.gone if has_left else self.row.cancelled - self.unshipped
        units = max(0, min(units, room, self.kept))
        amount_minor = min(amount_minor, self.left_minor) if units else 0
        adjusted = max(0, units - (self.kept - self.adjusted))
        had_minor = self.adjusted_minor * adjusted // self.adjusted if adjusted else 0
        self.adjusted -= adjusted
        self.adjusted_minor -= had_minor
        self.gone += units if has_left else 0
        self.unshipped += 0 if has_left else units
        self.minor += amount_minor
        return units, amount_minor

    def adjust(self, amount_minor: int) -> None:
        self.minor += amount_minor
        self.adjusted_minor += amount_minor
        self.adjusted = self.kept


class _Books:
    """The purposes of an order's refunds."""

    def __init__(self, connection: Any, order_id: int) -> None:
        self._connection, self._order_id = connection, order_id
        (self._order,) = self._read("orders")
        self._lines = {row.line_no: _Line(row) for row in self._read("order_lines")}
        self._shipments = {row.shipment_no: row for row in self._read("shipments")}
        self._incidents = {row.incident_no: row for row in self._read("incidents")}
        parts = json.loads(self._order.sub_orders)
        freights = [(own[3] if own else self._order.freight_minor) for _, own in parts]
        self._freights = dict(enumerate(freights))
        self._freight_minor = 0
        self._rows: list[dict[str, Any]] = []
        self._units_of: set[str] = set()

    def _read(self, table: str) -> list[Any]:
        statement = sa.text(f"SELECT * FROM {table} WHERE order_id = :order_id")
        return list(self._connection.execute(statement, {"order_id": self._order_id}))

    def add(self, refund: Any) -> None:
        """Gives a refund its rows."""
        left_minor, row_no = refund.amount_minor, 0
        for what, amount_minor, about in self._parts(refund):
            row_no += 1
            left_minor -= amount_minor
            self._row(refund, row_no, what, amount_minor, **about)
        if left_minor:
            self._row(refund, row_no + 1, "EXCESS", left_minor)

    def _row(self, refund: Any, row_no: int, what: str, amount_minor: int, **about: int) -> None:
        named = {"order_id": self._order_id, "refund_no": refund.refund_no, "row_no": row_no}
        nothing = {"line_no": 0, "sub_order_no": 0, "shipment_no": 0, "units": 0}
        self._rows.append({**named, "what": what, "amount_minor": amount_minor, **nothing, **about})

    def _parts(self, refund: Any) -> Iterator[tuple[str, int, dict[str, int]]]:
        key = refund.refund_key
        if key.startswith("own/") or self._order.state in ("REJECTED", "EXPIRED", "CANCELLED"):
            return
        shipment = self._parcel_of(key.partition("/")[0])
        if shipment is not None:
            yield from self._of_parcel(refund, shipment)
        else:
            yield from self._of_what_is_kept(refund.amount_minor)

    def _parcel_of(self, key: str) -> Any:
        """The parcel whose money a refund of this key was; None where it was none's."""
        order_id, _, part = key.rpartition("-")
        if order_id != f"{self._order_id:019}" or not part[1:].isdecimal():
            return None
        number = int(part[1:])
        if part[0] == "i" and number in self._incidents:
            incident = self._incidents[number]
            return self._shipments[incident.shipment_no] if incident.state == "REFUNDED" else None
        shipment = self._shipments.get(number) if part[0] == "s" else None
        return shipment if shipment is not None and shipment.state == "CANCELLED" else None

    def _of_parcel(self, refund: Any, shipment: Any) -> Iterator[tuple[str, int, dict[str, int]]]:
        packed = [
            (self._lines[line_no], line_no, units)
            for line_no, _, units in json.loads(shipment.lines)
        ]
        again = refund.refund_key.partition("/")[0] in self._units_of
        self._units_of.add(refund.refund_key.partition("/")[0])
        weights = [line.row.amount_minor * units // line.row.quantity for line, _, units in packed]
        for (line, line_no, units), amount_minor in zip(
            packed, _spread(refund.amount_minor, weights), strict=True
        ):
            has_left = self._has_left(shipment)
            if again:  # of a second payment: the units were counted with the first
                counted, taken_minor = 0, min(amount_minor, line.left_minor)
                line.minor += taken_minor
            else:
                counted, taken_minor = line.refund(units, amount_minor, has_left=has_left)
            about = {"line_no": line_no, "shipment_no": shipment.shipment_no, "units": counted}
            yield "UNITS", taken_minor, about

    def _has_left(self, shipment: Any) -> bool:
        """Whether its units, or the lost ones that it replaces, have left."""
        while not shipment.shipped_at_ms:
            if not shipment.replaces:
                return False
            shipment = self._shipments[shipment.replaces]
        return True

    def _of_what_is_kept(self, amount_minor: int) -> Iterator[tuple[str, int, dict[str, int]]]:
        kept = {no: line for no, line in self._lines.items() if line.kept and line.left_minor > 0}
        weights = [line.left_minor for line in kept.values()]
        goods_minor = min(amount_minor, sum(weights))
        for (line_no, line), part_minor in zip(
            kept.items(), _spread(goods_minor, weights), strict=True
        ):
            line.adjust(part_minor)
            yield "ADJUST", part_minor, {"line_no": line_no, "units": line.kept}
        left_minor = amount_minor - goods_minor
        for number, freight_minor in self._freights.items():
            part_minor = min(left_minor, freight_minor)
            if part_minor:
                left_minor -= part_minor
                self._freights[number] -= part_minor
                self._freight_minor += part_minor
                yield "FREIGHT", part_minor, {"sub_order_no": number}

    def write(self) -> None:
        """Writes the rows and the counters."""
        names = ", ".join(self._rows[0])
        values = ", ".join(f":{name}" for name in self._rows[0])
        self._connection.execute(
            sa.text(f"INSERT INTO refund_rows ({names}) VALUES ({values})"), self._rows
        )
        for line_no, line in self._lines.items():
            self._connection.execute(
                sa.text(
                    "UPDATE order_lines SET refunded_unshipped = :unshipped, "
                    "refunded_shipped = :gone, adjusted_units = :adjusted, refunded_minor = :minor, "
                    "adjusted_minor = :adjusted_minor "
                    "WHERE order_id = :order_id AND line_no = :line_no"
                ),
                {
                    "order_id": self._order_id,
                    "line_no": line_no,
                    "unshipped": line.unshipped or None,
                    "gone": line.gone or None,
                    "adjusted": line.adjusted or None,
                    "minor": line.minor or None,
                    "adjusted_minor": line.adjusted_minor or None,
                },
            )
        self._connection.execute(
            sa.text("UPDATE orders SET freight_refunded_minor = :minor WHERE order_id = :order_id"),
            {"minor": self._freight_minor or None, "order_id": self._order_id},
        )


def _spread(amount_minor: int, weights: list[int]) -> list[int]:
    """Splits an amount in proportion to weights."""
    total, before, parts = sum(weights), 0, []
    for weight in weights:
        after = before + weight
        parts.append(amount_minor * after // total - amount_minor * before // total if total else 0)
        before = after
    return parts


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
