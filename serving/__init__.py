"""What every process of Holdfast stands on that serves: settings, logs, signals, the gRPC guard."""
