"""The lines that a process writes to its log, and the values that it keeps out of it."""

import json
import subprocess
import sys

CANARY = "Zqcanary"
SCRIPT = f"""
import asyncio, logging, structlog
from serving import logs

def fail():
    error = KeyError("{CANARY}")
    error.add_note("{CANARY}")
    try:
        raise error
    except KeyError as cause:
        raise ExceptionGroup("{CANARY}", [ValueError("{CANARY}")]) from cause

async def failing():
    fail()

async def main():
    forgotten = asyncio.ensure_future(failing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del forgotten

logs.configure("info", personal=PERSONAL)
try:
    fail()
except Exception as error:
    structlog.get_logger().error("internal error", exc_info=error)
    logging.getLogger("library").exception("a request failed: %s", error)
    logging.getLogger("library").info("%s", "{CANARY}")
asyncio.run(main())
"""


def logged(*, personal: bool) -> str:
    """The output of a process in which all goes wrong."""
    script = SCRIPT.replace("PERSONAL", str(personal))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return ended.stderr.decode()


def test_what_is_said_of_personal_things_is_not_logged() -> None:
    text = logged(personal=True)
    assert CANARY not in text
    records = [json.loads(line) for line in text.splitlines()]
    assert [(record["event"], record["level"]) for record in records] == [
        ("internal error", "error"),
        ("a request failed: %s", "error"),
        ("Task exception was never retrieved", "error"),
    ]
    for record in records:
        group, cause = record["exception"]
        assert (group["exc_type"], cause["exc_type"]) == ("ExceptionGroup", "KeyError")
        assert group["exceptions"][0][0]["exc_type"] == "ValueError"
        assert "fail" in [frame["name"] for frame in cause["frames"]]
    assert records[1]["place"].startswith("library, line ")


def test_elsewhere_exceptions_are_logged_with_what_they_say() -> None:
    first = json.loads(logged(personal=False).splitlines()[0])
    assert [each["exc_value"] for each in first["exception"]] == [
        f"{CANARY} (1 sub-exception)",
        f"'{CANARY}'",
    ]
