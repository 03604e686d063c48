"""Values made by chance for any type of ours, from the types of its fields."""

import random
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

_EXAMPLES: dict[type, tuple[Any, ...]] = {
    bool: (False, True),
    int: (0, 1, 7, 2**31 - 1),
    float: (0.0, 1.5, -7.25),
    str: ("", "a", "龙井茶", "x" * 30),
    bytes: (b"", b"f"),
    date: (date(2026, 11, 22),),
}


def made(kind: Any, chance: random.Random, **given: Any) -> Any:
    """A struct, named tuple or dataclass of made values; `given` are fields of one's own choice."""
    hints = get_type_hints(kind)
    fields = getattr(kind, "__struct_fields__", None) or getattr(kind, "_fields", None)
    names = fields or tuple(kind.__dataclass_fields__)
    return kind(
        **{name: given[name] if name in given else _value(hints[name], chance) for name in names}
    )


def _value(hint: Any, chance: random.Random) -> Any:
    parts = [part for part in get_args(hint) if part not in (NoneType, ...)]
    if get_origin(hint) in (Union, UnionType):
        return None if chance.random() < 0.4 else _value(chance.choice(parts), chance)
    if get_origin(hint) in (tuple, list):
        items = [_value(parts[0], chance) for _ in range(chance.randrange(3))]
        return tuple(items) if get_origin(hint) is tuple else items
    if hint in _EXAMPLES:
        return chance.choice(_EXAMPLES[hint])
    if issubclass(hint, Enum):
        return chance.choice(list(hint))
    return made(hint, chance)
