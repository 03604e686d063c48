"""`holdfast demo`: a flash sale from start to audit, and the account of it."""
