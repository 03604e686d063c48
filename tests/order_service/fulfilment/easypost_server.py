"""A small server that speaks the part of EasyPost's API that the adapter uses.

That it speaks it as EasyPost does is tested with EasyPost's own SDK (`test_easypost.py`).
"""

import hashlib
import hmac
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RATES = (
    ("USPS", "GroundAdvantage", "7.58", 3),
    ("USPS", "Express", "31.10", 1),
    ("FedEx", "Odd", "9.999", None),
)


class EasyPostServer:
    """Shipments by their ids and references."""

    def __init__(self) -> None:
        self.shipments: dict[str, dict[str, Any]] = {}
        self.bought = 0
        self.lose_next_answer = False
        self.odd_rate: dict[str, Any] | None = None
        self.app = Starlette(
            routes=[
                Route("/v2/shipments", self._create, methods=["POST"]),
                Route("/v2/shipments/{name}", self._retrieve),
                Route("/v2/shipments/{name}/buy", self._buy, methods=["POST"]),
                Route("/v2/shipments/{name}/refund", self._refund, methods=["POST"]),
            ]
        )

    def find(self, name: str) -> dict[str, Any] | None:
        """A shipment by its id or by our reference."""
        known = self.shipments.values()
        return next((each for each in known if name in (each["id"], each["reference"])), None)

    async def _create(self, request: Request) -> Response:
        asked = (await request.json())["shipment"]
        if asked["to_address"]["country"] == "XX":
            return _error(422, "ADDRESS.COUNTRY.INVALID")
        number = len(self.shipments) + 1
        shipment = {
            **asked,
            "id": f"shp_{number}",
            "object": "Shipment",
            "rates": [
                {
                    "id": f"rate_{number}_{position}",
                    "object": "Rate",
                    "carrier": carrier,
                    "service": service,
                    "rate": price,
                    "currency": "USD",
                    "delivery_days": days,
                    "est_delivery_days": days,
                }
                for position, (carrier, service, price, days) in enumerate(RATES)
            ]
            + ([self.odd_rate] if self.odd_rate else []),
            "selected_rate": None,
            "tracking_code": None,
            "tracker": None,
            "postage_label": None,
            "refund_status": None,
        }
        self.shipments[shipment["id"]] = shipment
        return self._answer(shipment, 201)

    async def _retrieve(self, request: Request) -> Response:
        shipment = self.find(request.path_params["name"])
        return JSONResponse(shipment) if shipment else _error(404, "NOT_FOUND")

    async def _buy(self, request: Request) -> Response:
        shipment = self.find(request.path_params["name"])
        if shipment is None:
            return _error(404, "NOT_FOUND")
        if shipment["postage_label"]:
            return _error(422, "SHIPMENT.POSTAGE.EXISTS")
        wanted = (await request.json())["rate"]["id"]
        (rate,) = [rate for rate in shipment["rates"] if rate["id"] == wanted]
        self.bought += 1
        code = f"EZ{self.bought:09d}"
        tracker = {"id": f"trk_{self.bought}", "object": "Tracker", "tracking_code": code}
        shipment |= {
            "selected_rate": rate,
            "tracking_code": code,
            "postage_label": {
                "id": "pl_1",
                "object": "PostageLabel",
                "label_url": f"https://labels.example/{code}.png",
            },
            "tracker": {**tracker, "tracking_details": []},
        }
        return self._answer(shipment)

    async def _refund(self, request: Request) -> Response:
        shipment = self.find(request.path_params["name"])
        if shipment is None:
            return _error(404, "NOT_FOUND")
        if shipment["tracker"]["tracking_details"]:
            return _error(422, "SHIPMENT.REFUND.UNAVAILABLE")
        shipment["refund_status"] = "submitted"
        return self._answer(shipment)

    def _answer(self, shipment: dict[str, Any], status: int = 200) -> Response:
        if self.lose_next_answer:
            self.lose_next_answer = False
            return Response(status_code=502)
        return JSONResponse(shipment, status)


def detail(at: str, status: str, status_detail: str = "", city: str = "") -> dict[str, Any]:
    """A tracking detail."""
    return {
        "object": "TrackingDetail",
        "message": "",
        "datetime": at,
        "status": status,
        "status_detail": status_detail or None,
        "tracking_location": {"city": city or None, "country": "US" if city else None},
    }


def callback(tracker: dict[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
    """A callback as EasyPost sends it, and the headers that prove it."""
    event = {"id": "evt_1", "object": "Event", "description": "tracker.updated", "result": tracker}
    body = json.dumps(event).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Hmac-Signature": f"hmac-sha256-hex={digest}"}


def _error(status: int, code: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": "", "errors": []}}, status)
