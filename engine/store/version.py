"""Which stores are new enough, for the binary to start and for the server connected to."""

import re
from typing import NamedTuple, Self

# Redis 7.0 brought the script flags (`#!lua flags=...`) that refuse a batch whole when memory is
# full. Valkey forked from Redis 7.2; 8.0 is the first release that is its own.
VERSIONS_MIN = {"valkey": (8, 0), "redis": (7, 0)}

VERSIONS_WANTED = " or ".join(
    f"{product.capitalize()} {major}.{minor}+" for product, (major, minor) in VERSIONS_MIN.items()
)


class StoreVersion(NamedTuple):
    """A product (`valkey`, `redis`) and its version numbers, most significant first."""

    product: str
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, product: str, text: str) -> Self:
        """The version that `text` begins with: `9.1.2` and `7.0.0-rc1` are (9, 1, 2) and (7, 0, 0).

        Raises ValueError if it does not begin with a number.
        """
        numbers = re.match(r"\d+(?:\.\d+)*", text)
        if numbers is None:
            raise ValueError(f"{text!r} is not a version")
        return cls(product.lower(), tuple(int(number) for number in numbers[0].split(".")))

    @property
    def is_supported(self) -> bool:
        """Whether Holdfast works with it."""
        return self.product in VERSIONS_MIN and self.numbers >= VERSIONS_MIN[self.product]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.numbers))}"
