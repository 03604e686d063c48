"""The base of every process of Holdfast that serves: settings, logs, signals, the gRPC guard."""

import os

# gRPC reads this once, when it is imported. With this listener each call wakes threads of an event
# engine some three times, for nothing: that is an eighth of what an empty call costs the processor.
_EXPERIMENTS = "GRPC_EXPERIMENTS"
_LISTENER = "event_engine_listener"
if _LISTENER not in os.environ.get(_EXPERIMENTS, ""):
    _given = os.environ.get(_EXPERIMENTS)
    os.environ[_EXPERIMENTS] = f"{_given},-{_LISTENER}" if _given else f"-{_LISTENER}"
