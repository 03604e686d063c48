"""`holdfast aftersales ...`: what happens to goods and money once an order has left."""
