"""The store itself: what it must be (`durability`), and one of the server's own (`embedded`)."""
