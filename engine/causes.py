"""Causes of a store's errors, and what to do next: one table by the code an error begins with.

redis-py takes the code of some errors off their text, or turns them into types of its own; here
each has its code again. An error that is not in the table is still explained by its code.
"""

import re
from typing import Final, NamedTuple

from redis import exceptions


class Cause(NamedTuple):
    """Why a store refuses, and the next step, each as part of a sentence for a person."""

    what: str
    next_step: str


_CLUSTER: Final = Cause(
    "it is a node of a cluster, and has only some of the keys",
    "Set HOLDFAST_REDIS_URL to a store that is not part of a cluster",
)
UNKNOWN_CAUSE: Final = Cause("its own log says why", "Mend what it says")

CAUSES: Final[dict[str, Cause]] = {
    "LOADING": Cause("it is reading its data", "It serves by itself once it has read them"),
    "BUSY": Cause(
        "a script has been running in it for too long",
        "It goes on when the script ends; SCRIPT KILL ends one that has written nothing",
    ),
    "UNKILLABLE": Cause(
        "a script that has written something has been running in it for too long",
        "It goes on when the script ends",
    ),
    "MISCONF": Cause(
        "it cannot write its data to its disk", "Free space on the store's disk, or see its log"
    ),
    "NOREPLICAS": Cause(
        "it has fewer replicas than min-replicas-to-write asks for",
        "Start its replicas, or lower min-replicas-to-write",
    ),
    "READONLY": Cause(
        "it is a replica, which takes no writes", "Set HOLDFAST_REDIS_URL to its primary"
    ),
    "MASTERDOWN": Cause(
        "it is a replica that has lost its primary", "Set HOLDFAST_REDIS_URL to the primary"
    ),
    "NOPERM": Cause(
        "its user may not run a command or use a key that Holdfast needs",
        "Grant it with ACL SETUSER to the user in HOLDFAST_REDIS_URL; ACL LOG says what was denied",
    ),
    "NOAUTH": Cause("it asks for a password", "Name its user and password in HOLDFAST_REDIS_URL"),
    "WRONGPASS": Cause(
        "it does not accept the user or password",
        "Correct the user and password in HOLDFAST_REDIS_URL",
    ),
    "NOCOMMAND": Cause(
        "it does not know a command that Holdfast needs",
        "Set HOLDFAST_REDIS_URL to a store whose commands are all there, and not renamed",
    ),
    "MOVED": _CLUSTER,
    "ASK": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "TRYAGAIN": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
}
# Codes of errors that a script or a value of another kind causes: there is no refusal in them.
_NO_REFUSALS: Final = frozenset({"ERR", "WRONGTYPE", "CORRUPT", "NOSCRIPT", "EXECABORT"})

# What the texts of lost and refused connections mean. The first row that is found says it.
_SILENCE: Final = {
    "max number of clients": Cause("it has all the connections it allows", "Raise its maxclients"),
    "refused": Cause("nothing listens there", "Start it, or correct HOLDFAST_REDIS_URL"),
    "no such file": Cause("there is no socket", "Start it, or correct HOLDFAST_REDIS_URL"),
    "name or service": Cause("its host has no address", "Correct HOLDFAST_REDIS_URL"),
    "timeout": Cause("it was silent for too long", "See whether it is busy or stopped"),
    "closed": Cause("it closed the connection", "Its log says whether it has died"),
    "reset": Cause("it closed the connection", "Its log says whether it has died"),
}


def code_of(error: Exception) -> str:
    """The code of an error of redis-py, such as LOADING; "" if it has none."""
    code = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    if "unknown command" in str(error).lower():
        return "NOCOMMAND"
    return code if re.fullmatch(r"[A-Z]{2,}", code) else ""


def is_refusal(code: str) -> bool:
    """Whether an error of this code says that the store refuses commands, whatever they are."""
    return bool(code) and code not in _NO_REFUSALS


def is_denied(error: Exception) -> bool:
    """Whether a command was refused because its user may not give it, or the store lacks it."""
    return code_of(error) in ("NOPERM", "NOCOMMAND")


def cause_of(code: str) -> Cause:
    """The cause of a refusal of this code."""
    return CAUSES.get(code, UNKNOWN_CAUSE)


def explained(error: Exception) -> str:
    """An error of redis-py in a sentence or two, without the addresses and settings in its text."""
    code = code_of(error)
    if is_refusal(code) and not isinstance(error, exceptions.TimeoutError):
        cause = cause_of(code)
        return f"the store refuses commands ({code}): {cause.what}. {cause.next_step}"
    said = f"{type(error).__name__} {error}".lower()
    silence = next((cause for text, cause in _SILENCE.items() if text in said), None)
    if silence is None:
        return f"the store does not answer: {type(error).__name__}"
    return f"the store does not answer: {silence.what}. {silence.next_step}"
