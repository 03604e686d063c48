"""The command line: `holdfast`. It reaches the engine over gRPC only, through the SDK."""
