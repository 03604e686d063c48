"""The Lua files joined into one text, with its constants put in."""

import hashlib
import re

import pytest

from engine import model
from engine.scripts import STOCK_KINDS, Kind, Memory, batch_script, constants, script_for
from tests.lua_headers import header


def test_every_outcome_state_and_kind_has_its_number_in_the_script() -> None:
    words = constants()
    for enum, prefix in ((model.Outcome, ""), (model.State, ""), (Kind, "")):
        for item in enum:
            if item.name != "UNSPECIFIED":
                assert words[prefix + item.name] == str(int(item))
    for outcome in model.StockOutcome:
        assert words[f"STOCK_{outcome.name}"] == str(int(outcome))
    for bucket in list(model.Bucket)[1:]:
        assert words[f"BUCKET_{bucket.name}"] == str(int(bucket))
    assert words["TTL_MS_MAX"] == "604800000"
    assert words["ON_HAND_MAX"] == "1000000000000"
    assert words["MOVEMENTS_MAX"] == "1000"


def test_no_word_means_two_numbers() -> None:
    """An outcome, a state and a kind of one name would be one constant."""
    names = [
        [item.name for item in enum if item.name != "UNSPECIFIED"]
        for enum in (model.Outcome, model.State, Kind, model.Disposition)
    ]
    assert sum(len(group) for group in names) == len({name for group in names for name in group})


def test_the_script_has_numbers_for_the_words_and_no_comment() -> None:
    text = batch_script()
    unquoted = re.sub(r"'[^'\n]*'", "''", text)
    assert "--" not in unquoted
    assert not constants().keys() & set(re.findall(r"\w+", unquoted))
    assert f"return {int(model.Outcome.NOT_FOUND)}, 0, 0" in text


def test_what_is_quoted_stays_as_it_is() -> None:
    text = batch_script()
    for quoted in ("'SCHEMA'", "'WENT_BACK'", "'OK'", "'schema'", "'HMGET'", "'r'"):
        assert quoted in text
    assert "'CORRUPT a reservation has units of a stock level that is not there'" in text


def test_the_script_that_gives_stock_back_runs_in_a_full_store_and_is_otherwise_the_same() -> None:
    takes, gives = script_for(Memory.TAKES), script_for(Memory.GIVES)
    assert takes.text.splitlines()[0] == "#!lua"
    assert gives.text.splitlines()[0] == "#!lua flags=allow-oom"
    assert takes.text.splitlines()[1:] == gives.text.splitlines()[1:] == batch_script().splitlines()


def test_a_script_is_known_by_the_sha_of_its_text() -> None:
    for memory in Memory:
        found = script_for(memory)
        assert found.sha == hashlib.sha1(found.text.encode()).hexdigest()
    assert script_for(Memory.TAKES).sha != script_for(Memory.GIVES).sha
    assert script_for(Memory.GIVES, "return 1").text == "#!lua flags=allow-oom\nreturn 1"


def test_the_text_is_the_same_each_time_so_that_a_store_keeps_one() -> None:
    batch_script.cache_clear()
    first = batch_script()
    batch_script.cache_clear()
    assert batch_script() == first


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
def test_every_command_has_a_header_that_says_all(kind: Kind) -> None:
    found = header(kind)
    assert found.numbers
    assert found.strings
    assert found.outcomes
    assert all(re.fullmatch(r"[A-Z_]+", outcome) for outcome in found.outcomes)


def test_only_what_adds_to_the_store_is_refused_by_a_full_one() -> None:
    taking = {kind for kind in Kind if header(kind).memory is Memory.TAKES}
    assert taking == {Kind.RESERVE, Kind.EXCHANGE, *STOCK_KINDS}


def test_a_header_that_goes_on_in_the_next_line_is_read_to_its_end() -> None:
    assert header(Kind.EXTEND).outcomes == {
        *("NOT_FOUND", "ALREADY_RELEASED", "ALREADY_EXPIRED", "ALREADY_CONFIRMED"),
        *("ALREADY_CANCELLED", "APPLIED", "INVALID"),
    }
    assert header(Kind.RELEASE).numbers == "none"
