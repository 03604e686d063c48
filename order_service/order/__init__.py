"""The pure core: orders with their parts, the state machines, and how a change is decided.

Nothing here reads a clock, a database or the network. Everything else in the order service stands
on this package, and this package imports nothing of the order service.
"""
