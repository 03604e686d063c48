"""The parts of `holdfast dev`: how they are started, so that they know of each other."""

import signal
import sys

import pytest

from serving.dev import end_of, orders_part, sandbox_part
from serving.processes import ChildProcess

ENVIRONMENT = {
    "HOLDFAST_DATA_DIR": "data",
    "HOLDFAST_CALLBACKS_LISTEN": "127.0.0.1:7611",
    "HOLDFAST_SANDBOX_URL": "http://127.0.0.1:7650",
    "HOLDFAST_SANDBOX_API_KEY": "key",
    "HOLDFAST_SANDBOX_SECRETS": "whsec_bmV3, whsec_b2xk",
}


def test_the_sandbox_s_carrier_delivers_within_seconds() -> None:
    words = sandbox_part(ENVIRONMENT).arguments
    assert "--deliver-ms=5000" in words
    assert not any("whsec" in word or "key" in word for word in words), "others see arguments"


def test_the_sandbox_is_told_what_is_shipped() -> None:
    environment = orders_part(ENVIRONMENT, "127.0.0.1:7600").environment
    receiver = "http://127.0.0.1:7650/carrier/events whsec_bmV3"
    assert environment["HOLDFAST_NOTIFY_WEBHOOKS"] == receiver
    assert environment["HOLDFAST_TARGET"] == "127.0.0.1:7600"


def test_other_receivers_of_events_are_told_too() -> None:
    others = {"HOLDFAST_NOTIFY_WEBHOOKS": "http://erp.example/hook whsec_ZXJw"}
    environment = orders_part(ENVIRONMENT | others, "127.0.0.1:7600").environment
    receivers = environment["HOLDFAST_NOTIFY_WEBHOOKS"].split(",")
    assert receivers[0] == others["HOLDFAST_NOTIFY_WEBHOOKS"]
    assert len(receivers) == 2


HANGS = """
import os, signal, time
print("ready", flush=True)
for _ in range(5):
    os.write(1, b"\\n"); time.sleep(0.02)
signal.pause()
"""


NEVER_BEATS = 'import signal; print("ready", flush=True); signal.pause()'


@pytest.mark.parametrize(
    ("program", "exit_code", "said"),
    [
        (NEVER_BEATS, -signal.SIGKILL, "holdfast: the sandbox hangs, and is ended"),
        (HANGS, -signal.SIGKILL, "holdfast: the sandbox hangs, and is ended"),
        ("print('ready', flush=True); raise SystemExit(7)", 7, ""),
    ],
)
async def test_a_part_that_ends_or_hangs_is_named(
    program: str, exit_code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with ChildProcess([sys.executable, "-I", "-S", "-c", program]) as child:
        child.ready()
        assert await end_of("the sandbox", child, look_s=0.05) == exit_code
    errors = capfd.readouterr().err
    assert said in errors
    assert f"a part of it has ended: the sandbox (exit code {exit_code})" in errors
