"""Tests of the order service as its callers see it, over gRPC."""
