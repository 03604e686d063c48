"""Finds out which server answers at a target, where it does not offer what it was asked for."""

from typing import Any, Final

import grpc

TIMEOUT_S: Final = 2.0
_ENGINE: Final = "/holdfast.inventory.v1.OperationsService/GetStatus"
_ORDERS: Final = "/holdfast.order.v1.OperationsService/GetStatus"


def what_is_at(target: str) -> str:
    """The answer for a person who has asked the wrong server, or one of another version."""
    with grpc.insecure_channel(target) as channel:
        if _offers(channel, _ORDERS):
            return (
                "it is an order service. The engine is named with --target or HOLDFAST_TARGET, and "
                "has the port 7600 unless it was given another"
            )
        if _offers(channel, _ENGINE):
            return (
                "it is an engine, perhaps of another version. The order service is named with "
                "--orders-target or HOLDFAST_ORDERS_TARGET, and has the port 7610 unless it was "
                "given another"
            )
    return "it speaks gRPC, but is no Holdfast"


def _offers(channel: Any, method: str) -> bool:
    """Whether a server has a method; an error of its own is an answer, too."""
    try:
        channel.unary_unary(method)(b"", timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return error.code() not in (
            grpc.StatusCode.UNIMPLEMENTED,
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        )
    return True
