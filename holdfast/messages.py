"""Carries values to protobuf messages and back by the names of their fields.

A table of `Pair` names each type and its message; a field that is on one side only stands in the
pair's exceptions. Each pair is compiled once, when it is first used, into a function like those
that people write by hand: a field is set only if it has something in it, which costs half of what
a constructor's keywords cost. Types may be msgspec structs, named tuples and dataclasses.

    Pair(Remark, pb.Remark, ours=("order_id",))   becomes   def fill(value, message):
                                                                found = value.remark_id
                                                                if found:
                                                                    message.remark_id = found
                                                                ...
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import NoneType
from typing import Any, Final, NamedTuple, Self, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)
T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_FLOATS: Final = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is a list. protobuf before 6.31 knows it only as the field's label."""
    either: Any = field
    if hasattr(either, "is_repeated"):
        return bool(either.is_repeated)
    return bool(either.label == either.LABEL_REPEATED)


class Mismatch(TypeError):
    """A type and its message differ in a field that no exception names."""


class UnknownNumber(ValueError):
    """An enum's number in a message that our enum has no name for."""

    def __init__(self, field: str, number: int, kind: type[Enum], names: Sequence[str]) -> None:
        super().__init__(f"{field}: {kind.__name__} has no {number}")
        self.field = field
        """The path to the field, such as `delivery.wish`."""
        self.number = number
        self.kind = kind
        self.names = names
        """The names in the contract that ours has, too."""

    def inside(self, field: str) -> Self:
        """The error as the message around it names it."""
        return type(self)(f"{field}.{self.field}", self.number, self.kind, self.names)


class Pair(NamedTuple):
    """A type and its message: fields of one name are carried, the others are exceptions."""

    kind: type
    message: type[Message]
    renamed: Mapping[str, str] = {}
    """The kind's field -> the message's."""
    ours: tuple[str, ...] = ()
    """The kind's fields that are not sent; the caller gives them when a message is read."""
    theirs: tuple[str, ...] = ()
    """The message's fields that are not read; the caller sets them when a value is sent. One that
    the kind has, too, is not carried: the caller gives it when a message is read.
    """
    computed: Mapping[str, Callable[[Any], Any]] = {}
    """The message's fields that are made of the whole value when it is sent, and not read."""


class Messages:
    """The pairs of one side of the contract, and the functions compiled from them."""

    def __init__(self, *pairs: Pair) -> None:
        self.pairs: Final = {(pair.kind, pair.message.DESCRIPTOR.full_name): pair for pair in pairs}
        self._fill: Final[dict[tuple[type, type], Callable[[Any, Any], None]]] = {}
        self._read: Final[dict[tuple[type, type], Callable[..., Any]]] = {}

    def to_message(self, value: object, message: type[M]) -> M:
        """The message of a value, as their pair says. Raises KeyError if they are no pair."""
        made = message()
        self.fill(value, made)
        return made

    def fill(self, value: object, message: Message) -> None:
        """Sets the fields of an empty message, such as a field of another, to those of a value."""
        key = (type(value), type(message))
        fill = self._fill.get(key)
        if fill is None:
            pair = self._pair(type(value), message.DESCRIPTOR.full_name)
            fill = self._fill[key] = self._compiled_fill(pair)
        fill(value, message)

    def from_message(self, message: Message, kind: type[T], **given: Any) -> T:
        """The value of a message; what is not set is the field's default. Raises UnknownNumber.

        `given` are the fields that the message lacks: those of the pair's `ours`.
        """
        read = self._read.get((type(message), kind))
        if read is None:
            pair = self._pair(kind, message.DESCRIPTOR.full_name)
            read = self._read[type(message), kind] = self._compiled_read(pair)
        value: T = read(message, **given)
        return value

    def check(self) -> None:
        """Compiles all pairs. Raises Mismatch for one whose exceptions are not complete."""
        for pair in self.pairs.values():
            self._compiled_fill(pair)

    def _pair(self, kind: type, message: str) -> Pair:
        return self.pairs[kind, message]

    def _compiled_fill(self, pair: Pair) -> Callable[[Any, Any], None]:
        """`fill(value, message)`: sets the fields of an empty message."""
        names: dict[str, Any] = {}
        body = []
        for field, attribute in _carried(pair, sending=True):
            compute = pair.computed.get(field.name)
            if compute is None:
                value, hint = f"value.{attribute}", _hint(pair.kind, attribute)
            else:
                names[f"compute_{field.name}"] = compute
                value, hint = f"compute_{field.name}(value)", Any
            body += self._fill_lines(field, value, hint, names)
        return _function("fill(value, message)", body or ["pass"], names)

    def _fill_lines(
        self, field: FieldDescriptor, value: str, hint: Any, names: dict[str, Any]
    ) -> list[str]:
        name, target, (kind, optional) = field.name, f"message.{field.name}", _plain(hint)
        if field.message_type is not None:
            pair = self._pair(kind, field.message_type.full_name)
            names[f"fill_{name}"] = self._compiled_fill(pair)
            if is_repeated(field):
                return [f"for item in {value}:", f"    fill_{name}(item, {target}.add())"]
            # A message is there, also if all that it has is 0 or "".
            lines = [f"{target}.SetInParent()", f"fill_{name}(found, {target})"]
            return [f"found = {value}", *_if(optional, "found is not None", lines)]
        number = "found"
        if field.enum_type is not None and isinstance(kind, type) and issubclass(kind, str):
            names[f"numbers_{name}"] = _numbers(field.enum_type, kind)
            number = f"numbers_{name}[found]"
        if is_repeated(field):
            return [f"{target}.extend([{number} for found in {value}])"]
        if field.has_presence:
            condition = "found is not None"
        else:
            condition = "found" if field.cpp_type not in _FLOATS else ""
        return [f"found = {value}", *_if(bool(condition), condition, [f"{target} = {number}"])]

    def _compiled_read(self, pair: Pair) -> Callable[..., Any]:
        """`read(message, **given)`: makes a value of a message."""
        defaults = _defaults(pair.kind)
        names: dict[str, Any] = {"kind": pair.kind, "UnknownNumber": UnknownNumber}
        fields = {attribute: field for field, attribute in _carried(pair, sending=False)}
        parameters, body = [], []
        for attribute in _fields(pair.kind):
            default = defaults.get(attribute, _NONE)
            if default is not _NONE:
                names[f"default_{attribute}"] = default
            if attribute in fields:
                body += self._read_lines(
                    fields[attribute], attribute, _hint(pair.kind, attribute), default, names
                )
            else:
                known = "" if default is _NONE else f"=default_{attribute}"
                parameters.append(f"{attribute}{known}")
        arguments = ", ".join(_fields(pair.kind))
        signature = ", ".join(["message", *(["*", *parameters] if parameters else [])])
        return _function(f"read({signature})", [*body, f"return kind({arguments})"], names)

    def _read_lines(
        self, field: FieldDescriptor, to: str, hint: Any, default: Any, names: dict[str, Any]
    ) -> list[str]:
        source, (kind, _) = f"message.{field.name}", _plain(hint)
        if field.message_type is not None:
            pair = self._pair(kind, field.message_type.full_name)
            names[f"read_{to}"] = self._compiled_read(pair)
            read = f"read_{to}({source})"
            if is_repeated(field):
                read = f"{_sequence(hint)}([read_{to}(item) for item in {source}])"
            return [
                "try:",
                f"    {to} = {read}",
                "except UnknownNumber as error:",
                f"    raise error.inside({field.name!r}) from None",
            ]
        value = f"{_sequence(hint)}({source})" if is_repeated(field) else source
        if field.enum_type is not None:
            members = names[f"members_{to}"] = _Members(field.name, field.enum_type, kind)
            if default is not _NONE:
                members.setdefault(0, default)
            value = f"members_{to}[{source}]"
        elif default is not _NONE and default and not field.has_presence:
            value = f"{source} or default_{to}"
        if field.has_presence:
            value = f"{value} if message.HasField({field.name!r}) else default_{to}"
        return [f"{to} = {value}"]


class _Members(dict[int, Any]):
    """The members of an enum by their numbers in the contract."""

    def __init__(self, field: str, enum: EnumDescriptor, kind: type[Enum]) -> None:
        super().__init__(members_of(enum, kind))
        self._field = field
        self._kind = kind
        self._names = [enum.values_by_number[number].name for number in self if number]

    def __missing__(self, number: int) -> Any:
        raise UnknownNumber(self._field, number, self._kind, self._names)


_NONE: Final = object()


def _carried(pair: Pair, *, sending: bool) -> Iterable[tuple[Any, str]]:
    """The message's fields and the attributes they stand for. Raises Mismatch."""
    of_kind = [name for name in _fields(pair.kind) if name not in pair.ours]
    attributes = {pair.renamed.get(name, name): name for name in of_kind}
    known = {*attributes, *pair.theirs, *pair.computed}
    fields = pair.message.DESCRIPTOR.fields_by_name
    properties = {
        name: name for name in fields if isinstance(getattr(pair.kind, name, None), property)
    }
    unexplained = sorted((known ^ {*fields}) - {*properties})
    if unexplained or not {*pair.ours} <= {*_fields(pair.kind)}:
        raise Mismatch(
            f"{pair.kind.__name__} and {pair.message.DESCRIPTOR.full_name} differ in "
            f"{', '.join(unexplained) or 'ours'}: carry it, or name it in the pair's exceptions"
        )
    if sending:
        attributes = {**properties, **dict.fromkeys(pair.computed, ""), **attributes}
    return [
        (field, attributes[field.name])
        for field in pair.message.DESCRIPTOR.fields
        if field.name in attributes and field.name not in pair.theirs
    ]


def _fields(kind: Any) -> tuple[str, ...]:
    """The fields of a struct, a named tuple or a dataclass, in the order of its constructor."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", None) or kind._fields
    return names


def _defaults(kind: Any) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is not parameter.empty
    }


def _hint(kind: type, attribute: str) -> Any:
    """The type of a field or property."""
    found = getattr(kind, attribute, None)
    if isinstance(found, property) and found.fget is not None:
        return _hints(found.fget).get("return", Any)
    return _hints(kind)[attribute]


@functools.cache
def _hints(thing: Any) -> Mapping[str, Any]:
    return get_type_hints(thing)


def _plain(hint: Any) -> tuple[Any, bool]:
    """The type without None, of an item if it is a list's or a tuple's; whether None is allowed."""
    parts = [part for part in get_args(hint) if part is not NoneType and part is not ...]
    optional = NoneType in get_args(hint)
    return (_plain(parts[0])[0] if parts else hint), optional


def _sequence(hint: Any) -> str:
    """The name of the type that a repeated field is read into."""
    return "list" if get_origin(hint) is list else "tuple"


def _prefix(enum: EnumDescriptor) -> str:
    """The text before each name of an enum at the top level of a file; nested enums have none."""
    prefix: str = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return prefix if all(value.name.startswith(prefix) for value in enum.values) else ""


def _numbers(enum: EnumDescriptor, kind: type) -> dict[str, int]:
    """The numbers by our names. Raises Mismatch if our enum has one that the contract lacks."""
    prefix = _prefix(enum)
    numbers = {value.name.removeprefix(prefix): value.number for value in enum.values}
    if issubclass(kind, Enum) and (missing := {*kind.__members__} - {*numbers}):
        raise Mismatch(f"{enum.full_name} has no {', '.join(sorted(missing))}")
    return numbers


def members_of(enum: EnumDescriptor, kind: type[E]) -> dict[int, E]:
    """Our members by the contract's numbers: those of one name."""
    prefix = _prefix(enum)
    names = {value.number: value.name.removeprefix(prefix) for value in enum.values}
    names[0] = "UNSPECIFIED"
    return {n: kind[name] for n, name in names.items() if name in kind.__members__}


def _if(conditional: bool, condition: str, lines: list[str]) -> list[str]:
    return [f"if {condition}:", *(f"    {line}" for line in lines)] if conditional else lines


def _function(signature: str, body: Iterable[str], names: dict[str, Any]) -> Callable[..., Any]:
    source = "\n".join([f"def {signature}:", *(f"    {line}" for line in body)])
    exec(source, names)  # the names of fields are all that is put into the text
    function: Callable[..., Any] = names[signature.partition("(")[0]]
    return function
