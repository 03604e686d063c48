"""Generated files, and facts that are kept twice, agree with their source."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from google.protobuf import descriptor_pb2

import engine.model
import holdfast.outcomes
import holdfast.types
from holdfast.errors import ERRORS, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.outcomes import OUTCOMES, Outcome
from tools.make_reference import REFERENCE, reference
from tools.make_stubs import make_stubs

ROOT = Path(__file__).parents[2]


def test_the_reference_is_as_the_tables_say() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_generated_stubs_are_as_the_protos_say(tmp_path: Path) -> None:
    made = make_stubs(tmp_path)
    assert made
    for path in made:
        assert (ROOT / path).read_text() == (tmp_path / path).read_text(), f"{path}: `make proto`"


def test_every_element_of_the_contract_has_a_comment() -> None:
    image = subprocess.run(
        [Path(sys.executable).parent / "buf", "build", "-o", "-#format=binpb"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    files = descriptor_pb2.FileDescriptorSet.FromString(image).file
    assert len(files) >= 2
    for file in files:
        commented = {tuple(at.path) for at in file.source_code_info.location if at.leading_comments}
        for path, name in _elements(file):
            assert path in commented, f"{file.name}: {name} has no comment"


def _elements(file: descriptor_pb2.FileDescriptorProto) -> list[tuple[tuple[int, ...], str]]:
    found: list[tuple[tuple[int, ...], str]] = []

    def message(path: tuple[int, ...], item: descriptor_pb2.DescriptorProto) -> None:
        found.append((path, item.name))
        found.extend(((*path, 2, i), f.name) for i, f in enumerate(item.field))
        for i, nested in enumerate(item.enum_type):
            enum((*path, 4, i), nested)

    def enum(path: tuple[int, ...], item: descriptor_pb2.EnumDescriptorProto) -> None:
        found.append((path, item.name))
        found.extend(((*path, 2, i), v.name) for i, v in enumerate(item.value))

    for i, top_message in enumerate(file.message_type):
        message((4, i), top_message)
    for i, top_enum in enumerate(file.enum_type):
        enum((5, i), top_enum)
    for i, service in enumerate(file.service):
        found.append(((6, i), service.name))
        found.extend(((6, i, 2, j), method.name) for j, method in enumerate(service.method))
    return found


def test_outcomes_are_the_same_in_contract_engine_and_sdk() -> None:
    wire = {n.removeprefix("OUTCOME_"): v for n, v in pb.Outcome.items() if v}
    decided = {item.name: item.value for item in engine.model.Outcome}
    # The server's own word for a command that the engine has not decided about.
    assert wire == decided | {"NOT_JUDGED": pb.OUTCOME_NOT_JUDGED}
    assert wire == {item.name: item.value for item in holdfast.outcomes.Outcome}


def test_states_and_dispositions_are_the_same_in_contract_engine_and_sdk() -> None:
    states = {n.removeprefix("STATE_"): v for n, v in pb.Reservation.State.items()}
    assert states == {item.name: item.value for item in engine.model.State}
    assert states == {item.name: item.value for item in holdfast.types.State}
    dispositions = {n.removeprefix("DISPOSITION_"): v for n, v in pb.Disposition.items()}
    assert dispositions == {item.name: item.value for item in engine.model.Disposition}
    assert {n: v for n, v in dispositions.items() if v} == {
        item.name: item.value for item in holdfast.types.Disposition
    }


def test_the_tables_of_outcomes_and_errors_are_total() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert set(ERRORS) == set(Reason)


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    entries = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0] == version


def test_the_constraints_pin_everything_with_hashes_and_name_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text()
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==", text, re.MULTILINE)
    assert len(pins) > 40
    assert text.count("--hash=sha256:") > len(pins)
    assert "://" not in text
