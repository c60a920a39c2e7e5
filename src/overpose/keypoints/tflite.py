"""Networks in TensorFlow Lite's format without what nobody asks of them.

A network computes all its outputs; BlazePose's mask of the person takes two fifths of the time of
its landmark model. Here operations that no wanted output needs are taken off the list; all others
stay as they are, and so do the results. The format is a FlatBuffer: tables that name the places of
their fields (https://flatbuffers.dev/internals); field numbers are those of TensorFlow Lite's
schema.fbs.
"""

import struct
from collections.abc import Sequence

from overpose.support.errors import InputError

_SUBGRAPHS = 2
_TENSORS, _OUTPUTS, _OPERATORS = 0, 2, 3
_TENSOR_NAME = 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 1, 2


def with_outputs(network: bytes, names: Sequence[str]) -> bytes:
    """The network with these of its outputs alone.

    Args:
        network: content of a `.tflite` file of one graph.
        names: of the outputs that are kept.

    Raises:
        InputError: it is no such file, or has no such output.
    """
    try:
        return _Network(network).reduced(names)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise InputError("got damaged content, expected a network of TensorFlow Lite") from None


class _Network:
    def __init__(self, network: bytes) -> None:
        self._bytes = bytearray(network)
        self._graph = self._tables(self._at(0), _SUBGRAPHS)[0]

    def reduced(self, names: Sequence[str]) -> bytes:
        tensors = self._tables(self._graph, _TENSORS)
        outputs = self._numbers(self._graph, _OUTPUTS)
        kept = [number for number in outputs if self._name(tensors[number]) in names]
        if len(kept) != len(names):
            got = ", ".join(self._name(tensors[number]) for number in outputs)
            raise InputError(f"network: got outputs {got}, expected outputs {', '.join(names)}")
        needed, operators = set(kept), []
        for operator in reversed(self._tables(self._graph, _OPERATORS)):
            if needed.intersection(self._numbers(operator, _OPERATOR_OUTPUTS)):
                needed.update(self._numbers(operator, _OPERATOR_INPUTS))
                operators.append(operator)
        self._write(_OPERATORS, operators[::-1], relative=True)
        self._write(_OUTPUTS, kept, relative=False)
        return bytes(self._bytes)

    def _write(self, field: int, values: Sequence[int], *, relative: bool) -> None:
        """Shorten one of the graph's vectors to these values; places are told from their own."""
        vector = self._vector(self._graph, field)
        struct.pack_into("<I", self._bytes, vector, len(values))
        for number, value in enumerate(values):
            place = vector + 4 + 4 * number
            struct.pack_into("<I", self._bytes, place, value - place if relative else value)

    def _unsigned(self, place: int) -> int:
        return struct.unpack_from("<I", self._bytes, place)[0]

    def _at(self, place: int) -> int:
        """Where that is whose distance is written at `place`."""
        return place + self._unsigned(place)

    def _field(self, table: int, field: int) -> int:
        """Place of a table's field; 0 where it is left out."""
        fields = table - struct.unpack_from("<i", self._bytes, table)[0]
        entry = 4 + 2 * field
        if entry >= struct.unpack_from("<H", self._bytes, fields)[0]:
            return 0
        distance = struct.unpack_from("<H", self._bytes, fields + entry)[0]
        return table + distance if distance else 0

    def _vector(self, table: int, field: int) -> int:
        """Place of a vector, which begins with its length; 0 where there is none."""
        place = self._field(table, field)
        return self._at(place) if place else 0

    def _numbers(self, table: int, field: int) -> list[int]:
        vector = self._vector(table, field)
        if not vector:
            return []
        return list(struct.unpack_from(f"<{self._unsigned(vector)}i", self._bytes, vector + 4))

    def _tables(self, table: int, field: int) -> list[int]:
        vector = self._vector(table, field)
        if not vector:
            return []
        return [self._at(vector + 4 + 4 * i) for i in range(self._unsigned(vector))]

    def _name(self, tensor: int) -> str:
        place = self._vector(tensor, _TENSOR_NAME)
        return self._bytes[place + 4 : place + 4 + self._unsigned(place)].decode()
