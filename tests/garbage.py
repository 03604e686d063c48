"""Bytes that are no message, and how they are sent to a method of any service."""

import random
from typing import Any

import grpc.aio
from google.protobuf.descriptor import MethodDescriptor

from tests.waiting import PATIENCE_S

NOT_UTF_8 = b"\x0a\x02\xff\xfe"
UNDECODABLE = (
    NOT_UTF_8,
    b"\xff",  # no tag ends here
    b"\x0a\x05ab",  # shorter than it says
    b"\x0a\xff\xff\xff\xff\x0f",  # 4 GB, it says
    b"\x0b" * 200,  # groups without end
    b"\x0e",  # a wire type that does not exist
    b"\x00",  # field 0
)


def noise(seed: int) -> bytes:
    """Bytes that look like protobuf more or less: a tag and a length in front, then anything."""
    dice = random.Random(seed)
    content = dice.randbytes(dice.randrange(1, 60))
    tag = bytes([dice.choice((0x0A, 0x12, 0x1A, 0x22, 0x2A, 0x08, 0x0F)), len(content)])
    return (tag + content, content, tag + content[:-1])[seed % 3]


def undecodable_by(method: MethodDescriptor) -> list[bytes]:
    """Bytes that a method cannot read: one without fields skips those that it does not know."""
    return [body for body in UNDECODABLE if body != NOT_UTF_8 or method.input_type.fields]


async def send(
    channel: grpc.aio.Channel, path: str, method: MethodDescriptor, body: bytes
) -> grpc.aio.AioRpcError | None:
    """Sends bytes to a method; returns the error it ends with, if it does."""
    try:
        if method.client_streaming:
            # Not from an iterator: one that ends as the server aborts hides the error
            # (grpc/grpc#36066).
            stream: Any = channel.stream_stream(path)(timeout=PATIENCE_S)
            await stream.write(body)
            await stream.read()
            stream.cancel()
        elif method.server_streaming:
            async for _ in channel.unary_stream(path)(body, timeout=PATIENCE_S):
                pass
        else:
            await channel.unary_unary(path)(body, timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return error
    return None
