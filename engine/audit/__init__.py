"""The audit: proves the invariants of one tenant's partition from its store."""
