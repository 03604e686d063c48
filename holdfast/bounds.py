"""The bounds of the wire contract that a file or a form is checked against before it is sent."""

NAME_BYTES_MAX = 64
"""Bytes of a SKU or location in UTF-8."""
ON_HAND_MAX = 1_000_000_000_000
"""Units on hand, and units of safety stock."""
LIMIT_PER_BUYER_MAX = 4_294_967_295
"""Units."""
