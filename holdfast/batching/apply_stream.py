"""One ApplyStream over one connection: packed messages out, packed answers in, one at a time.

The stream is opened with the first message and kept for the next ones. While a message is under
way nothing else is sent on it, so an error that ends the stream is that message's, and the server
cannot judge two messages in another order than they were sent.
"""

import asyncio

import grpc
import grpc.aio
from grpc.aio import EOF

from holdfast.errors import HoldfastError

_METHOD = "/holdfast.inventory.v1.InventoryService/ApplyStream"
# A stream that is not used keeps a server from draining, and a proxy from sleeping.
_IDLE_S_MAX = 1.0


class GivenUp(Exception):
    """Nobody waits for the answer any more."""


class ApplyStream:
    """Asks for one message's answer after the other, over a new stream where the last one ended."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._open = channel.stream_stream(_METHOD)
        self._loop = asyncio.get_running_loop()
        self._call: grpc.aio.StreamStreamCall | None = None
        self._exchange: asyncio.Task[bytes] | None = None
        self._given_up = False
        self._used_at = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    async def ask(self, message: bytes) -> bytes:
        """The answer to a message. Raises HoldfastError, and GivenUp after `give_up`."""
        self._exchange = self._loop.create_task(_exchange(self._usable_call(), message))
        try:
            answer = await self._exchange
        except asyncio.CancelledError:
            if self._given_up:
                raise GivenUp from None
            raise
        except HoldfastError:
            self.end()
            raise
        except Exception as error:  # whatever gRPC raises, the next message has to go out
            self.end()
            raise _broken(f"{type(error).__name__}: {error}") from error
        finally:
            self._exchange, self._given_up = None, False
            self._used_at = self._loop.time()
        if self._idle_timer is None:
            self._idle_timer = self._loop.call_later(_IDLE_S_MAX, self._end_if_idle)
        return answer

    def give_up(self) -> None:
        """Ends the stream, and with it the wait for the answer that is under way."""
        if self._exchange is not None:
            # Not only its stream: gRPC lets a write that waits for a connection wait on.
            self._given_up = self._exchange.cancel()
        self.end()

    def end(self) -> None:
        """Ends the stream. The next message opens another."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _usable_call(self) -> grpc.aio.StreamStreamCall:
        """The stream there is, or a new one if that has ended or its server is leaving.

        A server that drains says so by leaving its connection; what is sent to it on the old stream
        would be cut off when its patience ends.
        """
        leaving = self._channel.get_state() is not grpc.ChannelConnectivity.READY
        if self._call is not None and (leaving or self._call.done()):
            self.end()
        if self._call is None:
            self._call = self._open()
        return self._call

    def _end_if_idle(self) -> None:
        self._idle_timer = None
        idle_s = 0.0 if self._exchange is not None else self._loop.time() - self._used_at
        if idle_s >= _IDLE_S_MAX:
            self.end()
        else:
            self._idle_timer = self._loop.call_later(_IDLE_S_MAX - idle_s, self._end_if_idle)


async def _exchange(call: grpc.aio.StreamStreamCall, request: bytes) -> bytes:
    answer: bytes
    try:
        await call.write(request)
    except grpc.RpcError as rpc_error:
        error = HoldfastError.from_rpc(rpc_error)
        # What gRPC calls a connection that breaks under a write.
        if error.reason is None and error.code is grpc.StatusCode.INTERNAL:
            error = _broken(error.message)
        raise error from rpc_error
    try:
        answer = await call.read()
    except grpc.RpcError as rpc_error:
        raise HoldfastError.from_rpc(rpc_error) from rpc_error
    if answer is EOF:
        raise _broken("the server ended it")
    return answer


def _broken(why: str) -> HoldfastError:
    message = f"the stream broke before an answer came: {why}"
    return HoldfastError(None, grpc.StatusCode.UNAVAILABLE, message, {})
