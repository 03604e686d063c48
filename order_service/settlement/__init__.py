"""Settlement: the ledger of an order's money, and the money of merchants (资金结算, O12)."""
