"""The ledger, and the settlement of merchants (O12)."""
