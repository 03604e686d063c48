"""The outside world of the demo: what buyers, their banks and the carrier do in the sandbox."""

import asyncio
import itertools
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from holdfast.demo.money import Sums
from holdfast.demo.servers import API_KEY, ServerFailedError
from serving.http_client import Answer, HttpClient, Unanswered

SILENCE_S_MAX = 60.0
RETRY_AFTER_S = 0.2
PARCELS_A_REQUEST = 1_000

CALLBACKS_OF_PAYMENTS = {
    "lose": 0.06,
    "duplicate": 0.08,
    "delay": 0.10,
    "delay_ms": 1_000,
    "reorder": 0.05,
    "corrupt": 0.03,
}
"""Mishaps of callbacks of payments, and how often each comes."""
CALLBACKS_OF_PARCELS = {"duplicate": 0.10, "delay": 0.05, "delay_ms": 500, "reorder": 0.10}
"""Mishaps of callbacks of parcels. None is lost: nobody asks for a parcel before it is late."""
LUCK_OF_PARCELS = {"fail_attempt": 0.05}


class Outside:
    """Connections to the sandbox at `url`. Its methods raise ServerFailedError."""

    def __init__(self, url: str) -> None:
        self._numbers = itertools.count()
        headers = {"authorization": f"Bearer {API_KEY}"}
        self._http = HttpClient(url, headers=headers, silence_s_max=SILENCE_S_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def misbehave(self) -> None:
        """Has things go wrong from now on."""
        await self._post("/provider/control/misbehave", CALLBACKS_OF_PAYMENTS)
        parcels = {"callbacks": CALLBACKS_OF_PARCELS, "parcels": LUCK_OF_PARCELS}
        await self._post("/carrier/control/misbehave", parcels)

    async def pay(self, payment_id: str, *, amount_minor: int = 0, times: int = 1) -> int:
        """The buyer's bank sends money: 0 means what was asked for.

        Gives all that it has sent for the payment so far.
        """
        key = f"{payment_id}/{next(self._numbers)}"
        asked = {
            "payment_id": payment_id,
            "amount_minor": amount_minor,
            "times": times,
            "key": key,
        }
        fact = await self._post("/provider/control/pay", asked)
        return int(fact["amount_minor"])

    async def decline(self, payment_id: str) -> None:
        """The buyer's bank says no."""
        await self._post("/provider/control/decline", {"payment_id": payment_id})

    async def collect(self, shipment_ids: Sequence[str]) -> None:
        """The carrier's van takes parcels."""
        for start in range(0, len(shipment_ids), PARCELS_A_REQUEST):
            taken = list(shipment_ids[start : start + PARCELS_A_REQUEST])
            await self._post("/carrier/control/collect", {"shipment_ids": taken})

    async def pass_time(self, ms: int) -> None:
        """Lets time pass for the carrier."""
        await self._post("/carrier/control/advance", {"ms": ms})

    async def provider_sums(self, currency: str) -> Sums:
        """The sums of the provider's books."""
        books = await self._get("/provider/control/books")
        captured, refunded = books["captured_minor"], books["refunded_minor"]
        return Sums(captured.get(currency, 0), refunded.get(currency, 0))

    async def callback_counts(self) -> dict[str, int]:
        """`callbacks_sent` so far, of payments and parcels, and `callbacks_lost` on purpose."""
        books = [await self._get(f"/{part}/control/books") for part in ("provider", "carrier")]
        return {
            count: sum(book[count] for book in books)
            for count in ("callbacks_sent", "callbacks_lost")
        }

    async def _post(self, path: str, content: object) -> Any:
        return await self._send("POST", path, json=content)

    async def _get(self, path: str) -> Any:
        return await self._send("GET", path)

    async def _send(self, verb: str, path: str, **content: Any) -> Any:
        try:
            answer = await self._once_more(verb, path, **content)
        except Unanswered as error:
            raise ServerFailedError(f"the demo's sandbox, {verb} {path}: {error}") from error
        if not answer.is_success:
            raise ServerFailedError(f"the demo's sandbox, {verb} {path}: status {answer.status}")
        return answer.json()

    async def _once_more(self, verb: str, path: str, **content: Any) -> Answer:
        """The answer to a call. One that was lost on the way is sent again: once, with its key."""
        try:
            return await self._http.send(verb, path, **content)
        except Unanswered:
            await asyncio.sleep(RETRY_AFTER_S)
            return await self._http.send(verb, path, **content)
