"""Holdfast: every unit goes to exactly one order.

    async with holdfast.Client() as client:
        result = await client.reserve("order-1", [("SKU-1", 2)])
        if result.applied:
            await client.confirm("order-1")

`OrderClient` speaks to the order service; `SyncClient` and `SyncOrderClient` are the same without
asyncio. Names are loaded when they are first used, so that `import holdfast` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.client import Client as Client
    from holdfast.commands import Cancel as Cancel
    from holdfast.commands import Command as Command
    from holdfast.commands import Confirm as Confirm
    from holdfast.commands import ExchangedUnits as ExchangedUnits
    from holdfast.commands import Extend as Extend
    from holdfast.commands import Release as Release
    from holdfast.commands import Reserve as Reserve
    from holdfast.commands import Return as Return
    from holdfast.commands import Ship as Ship
    from holdfast.errors import HoldfastError as HoldfastError
    from holdfast.errors import Reason as Reason
    from holdfast.orders import OrderClient as OrderClient
    from holdfast.outcomes import Outcome as Outcome
    from holdfast.sync_client import SyncClient as SyncClient
    from holdfast.sync_orders import SyncOrderClient as SyncOrderClient
    from holdfast.types import AuditFinding as AuditFinding
    from holdfast.types import AuditProgress as AuditProgress
    from holdfast.types import AuditSummary as AuditSummary
    from holdfast.types import Bucket as Bucket
    from holdfast.types import Disposition as Disposition
    from holdfast.types import Line as Line
    from holdfast.types import Reservation as Reservation
    from holdfast.types import ReservationLine as ReservationLine
    from holdfast.types import Result as Result
    from holdfast.types import SettingResult as SettingResult
    from holdfast.types import Shortage as Shortage
    from holdfast.types import State as State
    from holdfast.types import Status as Status
    from holdfast.types import StockLevel as StockLevel
    from holdfast.types import StockMove as StockMove
    from holdfast.types import StockSetting as StockSetting

    __version__: str

_NAMES_BY_MODULE = {
    "client": "Client",
    "commands": "Cancel Command Confirm ExchangedUnits Extend Release Reserve Return Ship",
    "errors": "HoldfastError Reason",
    "orders": "OrderClient",
    "outcomes": "Outcome",
    "sync_client": "SyncClient",
    "sync_orders": "SyncOrderClient",
    "types": """
        AuditFinding AuditProgress AuditSummary Bucket Disposition Line Reservation ReservationLine
        Result SettingResult Shortage State Status StockLevel StockMove StockSetting""",
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}


if not TYPE_CHECKING:  # or a type checker would believe every name

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("holdfast")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
        value = getattr(import_module(f"holdfast.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF, "__version__"])
