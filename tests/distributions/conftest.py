"""Fixtures of the tests of the distributions: the wheels, built once, and a shop beside them."""

from pathlib import Path

import pytest

from tests.distributions.wheels import Wheels, build_wheels, shop_in


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Both wheels of this tree."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of a shop whose modules have our programs' names."""
    return shop_in(tmp_path / "shop")
