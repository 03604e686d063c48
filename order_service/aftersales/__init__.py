"""After-sales: requests of buyers, goods that come back, and what follows from both."""
