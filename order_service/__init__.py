"""The order service: orders, payments and parcels around the stock that the engine holds."""
