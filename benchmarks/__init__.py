"""Measures Holdfast beside other ways to sell stock."""

import serving  # noqa: F401 - what it sets is for gRPC, which reads it when it is imported
