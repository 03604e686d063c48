"""The bounds of the wire contract that this side keeps to before anything is sent."""

NAME_BYTES_MAX = 64
"""Bytes of a SKU or location in UTF-8."""
ON_HAND_MAX = 1_000_000_000_000
"""Units on hand, and units of safety stock."""
LIMIT_PER_BUYER_MAX = 4_294_967_295
"""Units."""
BATCH_COMMANDS_MAX = 1_000
"""Commands in an Apply."""
BATCH_LINES_MAX = 4_000
"""Lines in all commands of an Apply."""
LINES_MAX = 200
"""Lines of a command."""
ORDERS_MAX = 200
"""Orders in a PlaceOrders; their lines are at most those of an Apply."""
