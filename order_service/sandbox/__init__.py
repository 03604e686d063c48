"""The outside world for development and tests: real HTTP servers that can misbehave, seeded."""
