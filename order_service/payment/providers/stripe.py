"""The adapter of Stripe, through its own package (`pip install 'holdfast-server[stripe]'`).

A payment is a PaymentIntent, which keeps our number in its metadata. The buyer chooses among the
means that the shop's Stripe account offers; a declined card leaves the intent open, to be tried
with another one on the same page.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
import stripe
from msgspec import structs
from stripe import StripeClient

from order_service.http.signatures import CallbackUnreadable, verify_stripe
from order_service.order.records import OF_MONEY
from order_service.payment.providers.port import (
    Callback,
    Charge,
    Fact,
    FactKind,
    ProviderRefuses,
    ProviderUnreachable,
    Started,
)
from order_service.payment.providers.rows import readable
from order_service.payment.providers.stripe_amounts import from_stripe, to_stripe
from serving.http_client import HttpClient, Unanswered

SILENCE_S_MAX: Final = 10.0
PAGE: Final = 100
NAME: Final = "stripe"

T = TypeVar("T")

_INTENTS: Final = {
    "succeeded": FactKind.CAPTURED,
    "canceled": FactKind.CLOSED,
}
"""Other states of an intent wait for the buyer or a bank."""
_REFUNDS: Final = {
    "succeeded": FactKind.REFUNDED,
    "failed": FactKind.REFUND_FAILED,
    "canceled": FactKind.REFUND_FAILED,
}


_DISPUTES: Final = {
    "warning_needs_response": FactKind.DISPUTE_ASKED,
    "warning_under_review": FactKind.DISPUTE_ASKED,
    "under_review": FactKind.DISPUTE_REVIEWED,
    "won": FactKind.DISPUTE_WON,
    "prevented": FactKind.DISPUTE_WON,
    "lost": FactKind.DISPUTE_LOST,
}
"""In other states of a dispute Stripe has taken the money, and hears evidence."""


class StripeProvider:
    """Speaks to Stripe; `secrets` are those of its webhook endpoint, the newest first.

    `base_url` is for tests against another server.
    """

    def __init__(self, api_key: str, secrets: Sequence[str], base_url: str = "") -> None:
        self._http = HttpClient(silence_s_max=SILENCE_S_MAX)
        self._client = StripeClient(
            api_key,
            http_client=_OverOurs(self._http),
            max_network_retries=0,
            base_addresses={"api": base_url} if base_url else {},
        )
        self._secrets = list(secrets)

    async def start(self, charge: Charge) -> Started:
        """See `Provider`."""
        amount = to_stripe(charge.amount_minor, charge.currency)
        try:
            # Its key is known for a day only, its number for good.
            known = await self._by_its_number(charge)
            if known is not None:
                return Started(known["id"], client_token=known.get("client_secret") or "")
            intent = await self._client.v1.payment_intents.create_async(
                {
                    "amount": amount,
                    "currency": charge.currency.lower(),
                    "metadata": {"payment_id": charge.payment_id},
                },
                {"idempotency_key": charge.payment_id},
            )
        except stripe.InvalidRequestError as error:
            raise ProviderRefuses(error.code or "invalid_request") from error
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        return Started(intent.id, client_token=intent.client_secret or "")

    async def query(self, charge: Charge) -> Fact:
        """See `Provider`."""
        try:
            intent = await self._by_its_number(charge) or await self._by_ours(charge)
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        return _of_intent(intent) if intent else Fact(FactKind.UNKNOWN, charge.payment_id)

    async def close(self, charge: Charge) -> Fact:
        """See `Provider`."""
        standing = await self.query(charge)
        if standing.kind is not FactKind.OPEN:
            return standing
        try:
            intent = await self._client.v1.payment_intents.cancel_async(standing.provider_ref)
        except stripe.InvalidRequestError:
            return await self.query(charge)  # paid meanwhile, or a bank is at it
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        return _of_intent(intent.to_dict())

    async def refund(
        self, charge: Charge, refund_id: str, amount_minor: int, attempt: int = 0
    ) -> Fact:
        """See `Provider`."""
        about = {"refund_id": refund_id, "payment_id": charge.payment_id, "attempt": str(attempt)}
        try:
            # Stripe remembers an idempotency key for a day; a task may be replayed later than that.
            known = _made_before(await self._refunds(charge.provider_ref), about)
            if known is not None:
                return _of_refund(known)
            made = await self._client.v1.refunds.create_async(
                {
                    "payment_intent": charge.provider_ref,
                    "amount": to_stripe(amount_minor, charge.currency),
                    "metadata": about,
                },
                # Stripe remembers refusals, too: an attempt is made anew only under a new key.
                {"idempotency_key": f"{refund_id}/{attempt}" if attempt else refund_id},
            )
        except (stripe.InvalidRequestError, ProviderRefuses):
            return Fact(FactKind.REFUND_FAILED, charge.payment_id, refund_id=refund_id)
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        return _of_refund(made.to_dict())

    async def refunds(self, charge: Charge) -> list[Fact]:
        """See `Provider`."""
        try:
            made = await self._refunds(charge.provider_ref)
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        facts = readable(NAME, made, _of_refund)
        return [structs.replace(fact, payment_id=charge.payment_id) for fact in facts]

    async def statement(self, day: date) -> list[Fact]:
        """See `Provider`. Stripe keeps events for 30 days."""
        begins_s = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        ends_s = begins_s + int(timedelta(days=1).total_seconds())
        refunds: list[dict[str, Any]] = []
        try:
            events = await self._client.v1.events.list_async(
                {
                    "type": "payment_intent.succeeded",
                    "created": {"gte": begins_s, "lt": ends_s},
                    "limit": PAGE,
                }
            )
            taken = [event.to_dict() async for event in events.auto_paging_iter()]
            listed = await self._client.v1.refunds.list_async({"limit": PAGE})
            async for refund in listed.auto_paging_iter():  # the newest first
                refunds.append(refund.to_dict())
                created_s = refunds[-1].get("created")
                if isinstance(created_s, int) and created_s < begins_s:
                    break
        except stripe.StripeError as error:
            raise _unreachable(error) from error
        # Several events may tell of one intent.
        captured = {fact.provider_ref: fact for fact in readable(NAME, taken, _of_event)}
        of_day = (fact for fact in readable(NAME, refunds, _of_refund) if _is_back(fact))
        day_ms = range(begins_s * 1000, ends_s * 1000)
        return [*captured.values(), *(fact for fact in of_day if fact.at_ms in day_ms)]

    def verify_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Callback:
        """See `Provider`."""
        verify_stripe(raw_body, headers.get("stripe-signature", ""), self._secrets, now_s)
        try:
            event = msgspec.json.decode(raw_body)
            thing, about = event["data"]["object"], event["type"]
            read = _READ.get("intent" if about.startswith("payment_intent.") else about)
            read = read or _READ.get(thing.get("object"))
            fact = read(thing) if read and not _none_is_told(thing) else None
            if fact and not (fact.payment_id or fact.payment_ref) and fact.kind not in _MONEY:
                fact = None  # of another program's payment, and no money
            return Callback(event["id"], fact, about)
        except (
            *(msgspec.DecodeError, KeyError, TypeError, AttributeError),
            ProviderUnreachable,
        ) as error:
            raise CallbackUnreadable(type(error).__name__) from error

    async def aclose(self) -> None:
        """See `Provider`."""
        await self._http.aclose()

    async def _by_its_number(self, charge: Charge) -> dict[str, Any] | None:
        """The intent, if Stripe's number is known, here and there."""
        if not charge.provider_ref:
            return None
        retrieved = self._client.v1.payment_intents.retrieve_async(charge.provider_ref)
        intent = await _unless_not_found(retrieved)
        return intent.to_dict() if intent else None

    async def _by_ours(self, charge: Charge) -> dict[str, Any] | None:
        query = f"metadata['payment_id']:'{charge.payment_id}'"
        searched = self._client.v1.payment_intents.search_async({"query": query, "limit": 1})
        found = await _unless_not_found(searched)
        return found.data[0].to_dict() if found and found.data else None

    async def _refunds(self, reference: str) -> list[dict[str, Any]]:
        page = await self._client.v1.refunds.list_async(
            {"payment_intent": reference, "limit": PAGE}
        )
        return [refund.to_dict() async for refund in page.auto_paging_iter()]


class _OverOurs(stripe.HTTPClient):
    """The requests of Stripe's package, by the client that all others are made by."""

    name = "holdfast"

    def __init__(self, http: HttpClient) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers of an answer. Raises ProviderUnreachable."""
        body = post_data.encode() if post_data is not None else None
        try:
            answer = await self._http.send(method, url, body=body, headers=headers)
        except Unanswered as error:
            raise ProviderUnreachable(str(error)) from error
        return answer.body, answer.status, answer.headers


def _made_before(
    refunds: Sequence[dict[str, Any]], about: Mapping[str, str]
) -> dict[str, Any] | None:
    """Stripe's refund for one of ours: one that was not refused, else the one of this attempt."""
    of_all = ((each, each.get("metadata") or {}) for each in refunds)
    made = [each for each, known in of_all if known.get("refund_id") == about["refund_id"]]
    for refund in made:
        if _REFUNDS.get(refund["status"]) is not FactKind.REFUND_FAILED:
            return refund
    for refund in made:
        if refund["metadata"].get("attempt", "0") == about["attempt"]:
            return refund
    return None


async def _unless_not_found(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except stripe.InvalidRequestError as error:
        if error.http_status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _of_intent(intent: dict[str, Any]) -> Fact:
    kind = _INTENTS.get(intent["status"], FactKind.OPEN)
    received = intent.get("amount_received", intent["amount"])
    currency = intent["currency"].upper()
    return Fact(
        kind,
        intent["metadata"].get("payment_id", ""),
        intent["id"],
        amount_minor=from_stripe(received, currency) if kind is FactKind.CAPTURED else 0,
        currency=currency,
        at_ms=intent["created"] * 1000,
    )


def _of_event(event: dict[str, Any]) -> Fact:
    return _of_intent(event["data"]["object"])


def _is_back(fact: Fact) -> bool:
    return fact.kind is FactKind.REFUNDED


def _of_refund(refund: dict[str, Any]) -> Fact:
    currency = refund["currency"].upper()
    metadata = refund.get("metadata") or {}
    return Fact(
        _REFUNDS.get(refund["status"], FactKind.OPEN),
        metadata.get("payment_id", ""),
        refund["id"],
        amount_minor=from_stripe(refund["amount"], currency),
        currency=currency,
        at_ms=refund["created"] * 1000,
        refund_id=metadata.get("refund_id", ""),
        payment_ref=_intent_of(refund),
    )


def _of_charge(charge: dict[str, Any]) -> Fact:
    return _of_what_went(charge, FactKind.REFUNDED_IN_ALL, charge["amount_refunded"])


def _of_dispute(dispute: dict[str, Any]) -> Fact:
    kind = _DISPUTES.get(dispute.get("status", ""), FactKind.DISPUTED)
    fact = _of_what_went(dispute, kind, dispute["amount"])
    due_s = (dispute.get("evidence_details") or {}).get("due_by") or 0
    # What it is converted into is Stripe's own account's: that fee is on the statement only.
    fee = sum(
        moved.get("fee", 0)
        for moved in dispute.get("balance_transactions") or ()
        if (moved.get("currency") or "").upper() == fact.currency
    )
    fee_minor = from_stripe(max(0, fee), fact.currency) if fee else 0
    return structs.replace(fact, due_at_ms=due_s * 1000, fee_minor=fee_minor)


def _none_is_told(dispute: dict[str, Any]) -> bool:
    """Whether it is an inquiry that has ended: nothing was taken, and nothing is asked."""
    return dispute.get("object") == "dispute" and dispute.get("status") == "warning_closed"


def _of_what_went(thing: dict[str, Any], kind: FactKind, amount: int) -> Fact:
    currency = (thing.get("currency") or "").upper()
    return Fact(
        kind,
        (thing.get("metadata") or {}).get("payment_id", ""),
        thing["id"],
        amount_minor=from_stripe(amount, currency),
        currency=currency,
        at_ms=thing.get("created", 0) * 1000,
        payment_ref=_intent_of(thing),
    )


def _intent_of(thing: dict[str, Any]) -> str:
    """Stripe's number of the payment that a refund, charge or dispute is of; it may be whole."""
    intent = thing.get("payment_intent") or ""
    return intent if isinstance(intent, str) else str(intent["id"])


_READ: Final[dict[str, Callable[[dict[str, Any]], Fact]]] = {
    "intent": _of_intent,
    "charge.refunded": _of_charge,
    "refund": _of_refund,
    "dispute": _of_dispute,
}
"""How an event is read, by its kind or else by the object that it is about."""
_MONEY: Final = frozenset(FactKind(kind) for kind in OF_MONEY)


def _unreachable(error: stripe.StripeError) -> ProviderUnreachable:
    """Makes an error of Stripe's. Its text may name the buyer's card; its type does not."""
    return ProviderUnreachable(type(error).__name__)
