"""Payment providers: the port that the order service speaks to, and one module a provider."""
