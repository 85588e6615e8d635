"""ONNX graphs whose weights stay in the safetensors file they came in.

The graph holds only node definitions and small constants: each weight is an ONNX *external tensor*, a byte
range of the safetensors file, which the runtime maps into memory. So there is no export step, no second copy
of the weights on disk, and building takes milliseconds.

A matrix may be stored as int8 with one float32 scale a row beside it (``NAME`` and ``NAME.scale``); the graph
then turns it back into float32, so that its results are those of the same numbers in torch.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import ModelError
from retriever.extras import require

__all__ = ["GraphBuilder"]

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # read by every runtime that knows opset 20
PURPOSE = "the built-in text encoder"


class GraphBuilder:
    """Nodes and tensors in the making; every tensor is named after the weight or step it comes from."""

    def __init__(self, weights: Path) -> None:
        """Reads the table of contents of a safetensors file.

        Raises:
            ModelError: `weights` is missing or is not a whole safetensors file.
            MissingExtra: the `onnx` package is not installed.
        """
        self.onnx = require("onnx", "minilm", PURPOSE)
        self.weights = weights
        self._header, self._base = _read_header(weights)
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}

    def op(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node with one output and returns that output's name."""
        self._nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """Adds a small tensor that is kept in the graph; integers become int64."""
        array = np.asarray(value)
        if array.dtype.kind == "i":
            array = array.astype(np.int64)
        self._tensors[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def weight(self, name: str, *dimensions: int) -> str:
        """Adds a weight of that shape as a byte range of the file; int8 ones are scaled back to float32.

        Raises:
            ModelError: the file has no such weight of that shape.
        """
        if not self.is_int8(name):
            return self._external(name, dimensions)
        stored = self._external(name, dimensions, "I8")
        scale = self._external(f"{name}.scale", dimensions[:1])
        return self.op("DequantizeLinear", [stored, scale], f"{name}.float", axis=0)

    def rows_of(self, name: str, indices: str, *dimensions: int) -> str:
        """The rows of a table that the tensor `indices` names; only those are scaled, where it is int8.

        Raises:
            ModelError: the file has no such weight of that shape.
        """
        if not self.is_int8(name):
            return self.op("Gather", [self._external(name, dimensions), indices], f"{name}.rows")
        taken = self.op("Gather", [self._external(name, dimensions, "I8"), indices], f"{name}.taken")
        scales = self.op(
            "Gather", [self._external(f"{name}.scale", dimensions[:1]), indices], f"{name}.scales"
        )
        numbers = self.op("Cast", [taken], f"{name}.numbers", to=self.onnx.TensorProto.FLOAT)
        last = self.constant("last axis", np.array([-1]))
        column = self.op("Unsqueeze", [scales, last], f"{name}.column")
        return self.op("Mul", [numbers, column], f"{name}.rows")

    def is_int8(self, name: str) -> bool:
        """Whether a weight is stored as int8."""
        return name in self._header and self._header[name]["dtype"] == "I8"

    def _external(self, name: str, dimensions: tuple[int, ...], kind: str = "F32") -> str:
        begin, end = self._range(name, dimensions, kind)
        types = {"F32": self.onnx.TensorProto.FLOAT, "I8": self.onnx.TensorProto.INT8}
        tensor = self.onnx.TensorProto(
            name=name,
            data_type=types[kind],
            dims=dimensions,
            data_location=self.onnx.TensorProto.EXTERNAL,
        )
        for key, value in (("location", self.weights.name), ("offset", begin), ("length", end - begin)):
            tensor.external_data.add(key=key, value=str(value))
        self._tensors[name] = tensor
        return name

    def first_rows(self, name: str, count: int, width: int) -> NDArray[np.float32]:
        """The first `count` rows of a table that is too small to be worth mapping, ``(count, width)``.

        Raises:
            ModelError: the table has fewer rows, another width, or is not float32.
        """
        available = self.shape(name)[0]
        begin, _ = self._range(name, (available, width))
        if available < count:
            raise ModelError(f"{self.weights}: {name} has {available} rows, expected at least {count}")
        return np.fromfile(self.weights, "<f4", count * width, offset=begin).reshape(count, width)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a weight in the file.

        Raises:
            ModelError: there is no such weight.
        """
        if name not in self._header:
            raise ModelError(
                f"{self.weights} has no weight {name!r}: it is not the model its config describes"
            )
        return tuple(self._header[name]["shape"])

    def serialise(
        self, inputs: Sequence[str], output: str, dimension: int, floats: Sequence[str] = ()
    ) -> bytes:
        """The finished model: inputs ``(batch, tokens)``, one float32 output ``(batch, dimension)``.

        Args:
            inputs: int64 ones; `floats` are float32.
        """
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(name, kinds.INT64, ["batch", "tokens"]) for name in inputs]
            + [helper.make_tensor_value_info(name, kinds.FLOAT, ["batch", "tokens"]) for name in floats],
            [helper.make_tensor_value_info(output, kinds.FLOAT, ["batch", dimension])],
            list(self._tensors.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        return bytes(
            helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString()
        )

    def _range(self, name: str, dimensions: tuple[int, ...], wanted: str = "F32") -> tuple[int, int]:
        found = self.shape(name)
        kind = self._header[name]["dtype"]
        if kind != wanted or found != dimensions:
            raise ModelError(f"{self.weights}: {name} is {kind} {found}, expected {wanted} {dimensions}")
        begin, end = self._header[name]["data_offsets"]
        return self._base + begin, self._base + end


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The table of contents of a safetensors file, and where its data begins."""
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= total - 8:
                raise ModelError(
                    f"{path} ({total} bytes) is not a whole safetensors file; reinstall the model"
                )
            header: dict[str, Any] = json.loads(file.read(size))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as safetensors ({error}); reinstall the model") from error
    end = (
        8
        + size
        + max((entry["data_offsets"][1] for key, entry in header.items() if key[0] != "_"), default=0)
    )
    if end != total:
        raise ModelError(f"{path} has {total} bytes, expected {end}; reinstall the model")
    return header, 8 + size
