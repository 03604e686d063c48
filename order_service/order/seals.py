"""Seals of the history: each entry has a digest of itself and of the seal before it.

So an entry that is changed, taken out or put in afterwards is found, and where: its seal does not
follow from what stands before it. The order keeps the last one, so that none is missing at the end.
It finds what was done by mistake or in passing, as an audit log should (`holdfast orders audit`);
whoever has the database and this file can make seals as well.
"""

from hashlib import blake2b

import msgspec

from order_service.order.model import HistoryEntry

_SEAL_BYTES = 4
_encode = msgspec.msgpack.Encoder().encode


def sealed(entry: HistoryEntry, before: int) -> HistoryEntry:
    """The entry with its seal, which follows the seal `before`; 0 before the first."""
    unsealed = msgspec.structs.replace(entry, seal=0) if entry.seal else entry
    content = _encode((before, unsealed))
    digest = blake2b(content, digest_size=_SEAL_BYTES).digest()
    return msgspec.structs.replace(entry, seal=int.from_bytes(digest, "big", signed=True))
