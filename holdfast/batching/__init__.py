"""How the SDK gathers the commands of many callers into few calls."""
