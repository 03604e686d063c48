"""A store's errors are called what they are, whatever redis-py made of them."""

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from engine.causes import CAUSES, UNKNOWN_CAUSE, cause_of, explained, is_denied
from engine.errors import StoreCorrupt, StoreFull, StoreRefuses, StoreUnreachable
from engine.link import engine_error
from server.failures import TRANSLATIONS


def as_read(text: str) -> Exception:
    """The error that redis-py makes of a store's reply."""
    error: Exception = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    return error


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("LOADING Redis is loading the dataset in memory", "LOADING"),
        ("BUSY Redis is busy running a script.", "BUSY"),
        ("MISCONF Errors writing to the AOF file: No space left on device", "MISCONF"),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"),
        ("READONLY You can't write against a read only replica.", "READONLY"),
        ("MASTERDOWN Link with MASTER is down", "MASTERDOWN"),
        ("NOPERM User shop has no permissions to run the 'evalsha' command", "NOPERM"),
        ("NOAUTH Authentication required.", "NOAUTH"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS"),
        ("MOVED 3999 127.0.0.1:6381", "MOVED"),
        ("ASK 3999 127.0.0.1:6381", "ASK"),
        ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT"),
        ("ERR unknown command 'EVALSHA', with args beginning with: 'x'", "NOCOMMAND"),
        ("NEWCODE nobody knows what", "NEWCODE"),
    ],
)
def test_a_refusal_is_named_by_its_code_with_its_cause_and_what_to_do(
    reply: str, code: str
) -> None:
    failure = engine_error(as_read(reply))
    assert isinstance(failure, StoreRefuses)
    assert failure.code == code
    wire = TRANSLATIONS[StoreRefuses](failure)
    cause = cause_of(code)
    assert wire.metadata == {
        "store_error": code,
        "cause": cause.what,
        "next_step": cause.next_step,
    }
    assert wire.retryable
    assert (cause is UNKNOWN_CAUSE) == (code == "NEWCODE")
    assert explained(as_read(reply)) == (
        f"the store refuses commands ({code}): {cause.what}. {cause.next_step}"
    )
    assert "127.0.0.1" not in wire.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (as_read("OOM command not allowed when used memory > 'maxmemory'."), StoreFull),
        (as_read("WRONGTYPE Operation against a key holding the wrong kind"), StoreCorrupt),
        (as_read("ERR user_script:90: bad argument #2 to 'struct_unpack'"), StoreCorrupt),
        (as_read("CORRUPT a reservation has units of a stock level that is gone"), StoreCorrupt),
        (as_read("ERR max number of clients reached"), StoreUnreachable),
        (exceptions.TimeoutError("Timeout reading from socket"), StoreUnreachable),
        (ConnectionRefusedError(111, "Connection refused"), StoreUnreachable),
    ],
)
def test_what_is_no_refusal_is_not_called_one(error: Exception, kind: type[Exception]) -> None:
    assert type(engine_error(error)) is kind


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (as_read("ERR max number of clients reached"), "Raise its maxclients"),
        (exceptions.TimeoutError("Timeout reading from s:1"), "silent for too long"),
        (exceptions.ConnectionError("Error 111 connecting to s:1. Connection refused."), "nothing"),
        (
            exceptions.ConnectionError("Error 2 connecting to s. No such file or directory."),
            "Start",
        ),
        (exceptions.ConnectionError("Connection closed by server."), "closed the connection"),
        (TimeoutError(), "silent for too long"),
        (exceptions.ConnectionError("odd"), "does not answer: ConnectionError"),
    ],
)
def test_a_silence_is_explained_as_far_as_it_can_be(error: Exception, said: str) -> None:
    assert said in explained(error)
    assert "s:1" not in explained(error)


def test_only_a_denied_command_is_a_missing_right() -> None:
    assert is_denied(as_read("NOPERM User shop has no permissions to run the 'info' command"))
    assert is_denied(as_read("ERR unknown command 'CONFIG'"))
    for code in CAUSES.keys() - {"NOPERM", "NOCOMMAND"}:
        assert not is_denied(as_read(f"{code} 1 a:1"))
