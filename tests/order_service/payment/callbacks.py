"""Callbacks as the sandbox provider sends them, made by the test."""

import json

from order_service.sandbox.callbacks import Callbacks
from tests.order_service.payment.world import World


def callback_body(
    world: World, kind: str = "CAPTURED", payment_id: str = "4330000000000000000-p1"
) -> bytes:
    """The body of a callback."""
    fact = {
        "kind": kind,
        "payment_id": payment_id,
        "provider_ref": "sbx_1",
        "amount_minor": 1_100,
        "currency": "CNY",
        "at_ms": world.clock(),
        "refund_id": "",
    }
    return json.dumps(fact).encode()


async def send(world: World, body: bytes, event_id: str = "evt_1", **changed: str) -> int:
    """Sends a callback signed by the provider; how it was answered."""
    signing: Callbacks = world.outside.callbacks
    headers = signing.headers(event_id, body) | changed
    answer = await world.http.post(world.callbacks_url, content=body, headers=headers)
    return answer.status_code
