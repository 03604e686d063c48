"""Tells buyers, merchants and subscribers what became of an order (O4)."""
