"""`holdfast server accept-store`: a decision with a reason."""

import json
from collections.abc import Iterator

import pytest

from holdfast.cli.__main__ import run
from holdfast.inventory.v1 import operations_pb2
from tests.unit.scripted_engine import ScriptedEngine


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    """An engine that answers as the test says."""
    engine = ScriptedEngine()
    yield engine
    engine.stop()


def accepted(*stores: operations_pb2.AcceptedStore) -> operations_pb2.AcceptStoreResponse:
    return operations_pb2.AcceptStoreResponse(accepted=stores)


def test_a_store_is_accepted_with_a_reason_and_what_was_lost_is_shown(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = operations_pb2.AcceptedStore(tenant="shop", changes_seen=60, changes_now=10)
    engine.answers = [accepted(lost), accepted()]
    command = ["server", "accept-store", "--target", engine.target, "--reason", "backup of 02:00"]
    assert run([*command, "--tenant", "shop", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == [
        {"tenant": "shop", "changes_seen": 60, "changes_now": 10, "replaced": False}
    ]
    assert run([*command, "--all-tenants"]) == 0
    assert "did not go back" in capsys.readouterr().err
    first, second = engine.requests
    assert (first.tenant, first.all_tenants, first.reason) == ("shop", False, "backup of 02:00")
    assert (second.tenant, second.all_tenants) == ("", True)


def test_a_reason_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server", "accept-store"]) == 2
    assert "--reason" in capsys.readouterr().err
