"""The calls of the synchronous client that set stock.

Generated from stock.py by tools/make_sync_client.py; do not edit.
"""

from collections.abc import Iterator, Sequence

from holdfast import wire
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.sync_calls import SyncCalls
from holdfast.types import (
    Bucket,
    SettingResult,
    StockLevel,
    StockMove,
    StockSetting,
    new_setting_id,
)

PAGE_SIZE = 1_000


class SyncStockCalls:
    """The part of a client for who sets what there is to sell, which order services do not."""

    tenant: str
    _calls: SyncCalls

    def set_stock(
        self,
        sku: str,
        on_hand: int,
        *,
        location: str = "default",
        safety_stock: int | None = None,
        limit_per_buyer: int | None = None,
        expected_version: int | None = None,
        setting_id: str = "",
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> StockLevel:
        """Creates a stock level or changes its settings, once per id, and returns it.

        `safety_stock` and `limit_per_buyer` stay as they are where they are None, and are 0 in a
        new level. With `expected_version` only if the level has that version, 0 meaning that it
        does not exist yet. `setting_id` "" makes a new id; give one of your own, kept for an hour,
        to send the setting again after this call has failed. FAILED_PRECONDITION if `on_hand` would
        be below what is reserved and confirmed or if the id was used with other content, ABORTED if
        the version is another; all change nothing.
        """
        setting = StockSetting(
            sku,
            on_hand,
            location,
            safety_stock,
            limit_per_buyer,
            expected_version,
            setting_id or new_setting_id(),
        )
        request = wire.setting_of(setting, self._tenant(tenant))
        answer = self._calls.call("stock.SetStock", request, timeout_ms)
        return wire.value_of(answer, StockLevel)

    def set_stock_levels(
        self,
        settings: Sequence[StockSetting],
        *,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> list[SettingResult]:
        """Sets up to 1,000 stock levels in order, each as `set_stock` does and judged alone.

        `results[i]` answers the i-th. A setting without an id gets one for this call.
        """
        named = self._tenant(tenant)
        request = pb.SetStockLevelsRequest(tenant=named)
        for setting in settings:
            given = setting.setting_id or new_setting_id()
            request.settings.append(wire.setting_of(setting._replace(setting_id=given), named))
        response = self._calls.call("stock.SetStockLevels", request, timeout_ms)
        return [wire.setting_result(answer) for answer in response.results]

    def adjust_stock(
        self,
        sku: str,
        delta: int,
        adjustment_id: str,
        *,
        location: str = "default",
        reason: str = "",
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> StockLevel:
        """Adds `delta` units to on hand (or takes them), once per id, and returns the level.

        NOT_FOUND if there is no such level, FAILED_PRECONDITION if on hand would be below what is
        reserved and confirmed or if the id was used with other content; all change nothing.
        """
        request = wire.message(
            pb.AdjustStockRequest,
            tenant=self._tenant(tenant),
            sku=sku,
            location=location,
            delta=delta,
            adjustment_id=adjustment_id,
            reason=reason,
        )
        answer = self._calls.call("stock.AdjustStock", request, timeout_ms)
        return wire.value_of(answer, StockLevel)

    def move_stock(
        self,
        sku: str,
        units: int,
        move_id: str,
        *,
        from_location: str = "default",
        from_bucket: Bucket = Bucket.RESELLABLE,
        to_location: str = "default",
        to_bucket: Bucket = Bucket.RESELLABLE,
        reason: str = "",
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> StockMove:
        """Moves units from one place to another in one step, once per id, kept for 30 days.

        A place is a location and what units are there for; OUTSIDE has no location. Of RESELLABLE
        units those that are available may leave. NOT_FOUND if there is no level at a location,
        FAILED_PRECONDITION if fewer units may leave or if the id was used with other content; all
        change nothing.
        """
        request = wire.message(
            pb.MoveStockRequest,
            tenant=self._tenant(tenant),
            sku=sku,
            units=units,
            from_location=from_location,
            from_bucket=from_bucket,
            to_location=to_location,
            to_bucket=to_bucket,
            move_id=move_id,
            reason=reason,
        )
        answer = self._calls.call("stock.MoveStock", request, timeout_ms)
        return wire.stock_move(answer)

    def list_stock(
        self, *, tenant: str | None = None, timeout_ms: int | None = None
    ) -> Iterator[StockLevel]:
        """Reads all stock levels in no particular order; `timeout_ms` is for a page."""
        request = wire.message(
            pb.ListStockRequest, tenant=self._tenant(tenant), page_size=PAGE_SIZE
        )
        for page in self._calls.pages("stock.ListStock", request, timeout_ms):
            for level in page.levels:
                yield wire.value_of(level, StockLevel)

    def _tenant(self, tenant: str | None) -> str:
        return self.tenant if tenant is None else tenant
