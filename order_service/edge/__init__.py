"""The gRPC edge of the order service: from the wire, one call, to the wire."""
