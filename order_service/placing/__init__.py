"""Takes orders: validates them, finds their stock, and settles what there is too little of."""
