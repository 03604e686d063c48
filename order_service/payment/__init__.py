"""Takes money for orders through providers, and gives it back: O3 and P1 to P5."""
