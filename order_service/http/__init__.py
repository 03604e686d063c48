"""HTTP to and from the outside: callbacks with their signatures."""
