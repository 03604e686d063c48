"""The audit: proves orders, stock and money against one another.

Across the order database, the engine and the payment providers: every unit that is sold belongs to
one order line that is paid or paid on delivery, and every captured cent to an order or a refund.
"""
