"""Carriers of parcels: one port, the built-in sandbox and EasyPost behind it."""
