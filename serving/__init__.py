"""The base of every process of Holdfast that serves: settings, logs, signals, the gRPC guard."""
