"""A BERT encoder as an ONNX graph (Devlin et al. 2019, arXiv:1810.04805), with mean pooling; or an MPNet.

MPNet (Song et al. 2020, arXiv:2004.09297) adds to every attention score a bias for how far apart the two
tokens are, one a head and bucket of distances; all layers share it. Its weights go by a BERT's names here.

Linear layers work on ``(batch * tokens, hidden)`` with ``Gemm(transB=1)``, because safetensors keeps torch's
``(out, in)`` layout and nothing may be transposed at load.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.onnx_graph import GraphBuilder
from retriever.errors import ModelError

__all__ = ["BertShape", "bucket_of", "build_bert_graph"]

MASKED = np.float32(-1e9)  # added to masked attention scores; exp() of it is 0 in float32
FARTHEST = 128  # tokens; whatever is farther shares the last bucket
DISTANCES = "encoder.relative_attention_bias.weight"


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers of a BERT's or MPNet's ``config.json`` that shape its graph.

    Attributes:
        buckets: of distances between tokens; 0 in a BERT, which has none.
    """

    hidden: int
    layers: int
    heads: int
    epsilon: float
    buckets: int = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "BertShape":
        """Reads the fields of a transformers ``config.json``.

        Raises:
            ModelError: no BERT or MPNet with exact GELU, or a field is missing.
        """
        kind, activation = config.get("model_type"), config.get("hidden_act")
        if kind not in ("bert", "mpnet") or activation != "gelu":
            raise ModelError(
                f"config.json describes a {kind!r} with {activation!r}, expected 'bert' or 'mpnet' with "
                "'gelu'"
            )
        try:
            shape = cls(
                hidden=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config["layer_norm_eps"]),
                buckets=int(config["relative_attention_num_buckets"]) if kind == "mpnet" else 0,
            )
        except KeyError as error:
            raise ModelError(f"config.json lacks {error}, expected the fields of a {kind!r}") from error
        if shape.heads < 1 or shape.hidden % shape.heads:
            raise ModelError(
                f"config.json has hidden_size {shape.hidden}, not a multiple of {shape.heads} heads"
            )
        return shape


def build_bert_graph(weights: Path, shape: BertShape, max_tokens: int, weighted: bool = False) -> bytes:
    """A serialised ONNX model: token ids to mean-pooled sentence vectors.

    Inputs ``ids`` and ``mask``, int64 of shape ``(batch, tokens)``, tokens <= `max_tokens`; every row of the
    mask has a 1. Output ``pooled``, float32 of shape ``(batch, hidden)``, not normalised.

    Args:
        weights: a safetensors file with a BERT's float32 weights; the model refers to it by its file name.
        shape: must fit the weights.
        max_tokens: length of the position table to keep.
        weighted: take a third input ``pool``, float32 of the same shape: what each token weighs in the pooled
            vector, in place of the plain mean.

    Raises:
        ModelError: a weight is missing, is not float32, or has another shape than `shape` asks for.
        MissingExtra: the `onnx` package is not installed.
    """
    graph = GraphBuilder(weights)
    x = _embeddings(graph, shape, max_tokens)
    for layer in range(shape.layers):
        x = _layer(graph, shape, x, f"encoder.layer.{layer}.")
    if weighted:
        _weighted_pooling(graph, x)
    else:
        _mean_pooling(graph, x)
    floats = ("pool",) if weighted else ()
    return graph.serialise(("ids", "mask"), "pooled", shape.hidden, floats)


def _embeddings(graph: GraphBuilder, shape: BertShape, max_tokens: int) -> str:
    """Word + position + segment 0, normalised and flattened: (batch * tokens, hidden)."""
    prefix = "embeddings."
    vocabulary = graph.shape(prefix + "word_embeddings.weight")[0]
    positions = graph.first_rows(prefix + "position_embeddings.weight", max_tokens, shape.hidden)
    segment = graph.first_rows(prefix + "token_type_embeddings.weight", 1, shape.hidden)
    one, two = graph.constant("1", np.array([1])), graph.constant("2", np.array([2]))
    size = graph.op("Shape", ["ids"], "size")  # (batch, tokens)
    tokens = graph.op("Slice", [size, one, two], "tokens")
    places = graph.op(
        "Slice",
        [graph.constant("positions", positions + segment), graph.constant("0", np.array([0])), tokens],
        "places",
    )
    words = graph.rows_of(prefix + "word_embeddings.weight", "ids", vocabulary, shape.hidden)
    x = _layer_norm(graph, shape, graph.op("Add", [words, places], "embedded"), prefix + "LayerNorm")

    head = shape.hidden // shape.heads
    graph.op("Concat", [size, graph.constant("heads", np.array([shape.heads, head]))], "split", axis=0)
    graph.op("Concat", [size, graph.constant("hidden", np.array([shape.hidden]))], "join", axis=0)
    graph.constant("flat", np.array([-1, shape.hidden]))
    graph.constant("scale", np.float32(1 / math.sqrt(head)))
    kept = graph.op("Cast", ["mask"], "kept", to=graph.onnx.TensorProto.FLOAT)
    absent = graph.op("Sub", [graph.constant("1.0", np.float32(1)), kept], "absent")
    absent = graph.op("Mul", [absent, graph.constant("masked", MASKED)], "absent_score")
    mask = "bias" if not shape.buckets else "mask_bias"
    graph.op("Unsqueeze", [absent, graph.constant("axes12", np.array([1, 2]))], mask)  # (batch, 1, 1, tokens)
    if shape.buckets:
        graph.op(
            "Add", [mask, _distances(graph, shape, max_tokens)], "bias"
        )  # (batch, heads, tokens, tokens)
    return graph.op("Reshape", [x, "flat"], "x")


def _distances(graph: GraphBuilder, shape: BertShape, max_tokens: int) -> str:
    """What a score gains by how far apart its tokens are: (heads, tokens, tokens)."""
    places = np.arange(max_tokens)
    buckets = bucket_of(places[None, :] - places[:, None], shape.buckets)
    begin, axes = graph.constant("00", np.array([0, 0])), graph.constant("axes01", np.array([0, 1]))
    end = graph.op("Concat", ["tokens", "tokens"], "tokens2", axis=0)
    near = graph.op("Slice", [graph.constant("buckets", buckets), begin, end, axes], "near")
    said = graph.op("Gather", [graph.weight(DISTANCES, shape.buckets, shape.heads), near], "distance.rows")
    return graph.op("Transpose", [said], "distance", perm=[2, 0, 1])


def bucket_of(distance: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """The bucket of every distance (key's place minus query's; any shape), as T5 has them.

    Raffel et al. 2020 (arXiv:1910.10683, section 2.1): half of the buckets for keys behind the query, half
    for those before it; half of each for single distances, the rest logarithmic up to `FARTHEST`.
    """
    half = buckets // 2
    exact = half // 2
    away = np.abs(distance)
    steps = np.log(np.maximum(away, 1) / exact) / math.log(FARTHEST / exact) * (half - exact)
    far = np.minimum(exact + np.maximum(steps, 0).astype(np.int64), half - 1)
    return np.where(distance > 0, half, 0) + np.where(away < exact, away, far)


def _layer(graph: GraphBuilder, shape: BertShape, x: str, name: str) -> str:
    """One transformer layer, normalised after each residual sum: (batch * tokens, hidden) to the same."""
    hidden = shape.hidden
    wide = graph.shape(name + "intermediate.dense.weight")[0]
    heads = {}
    for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        flat = _linear(graph, x, name + f"attention.self.{part}", hidden, hidden)
        split = graph.op("Reshape", [flat, "split"], f"{flat}.split")  # (batch, tokens, heads, head)
        heads[part] = graph.op("Transpose", [split], f"{flat}.heads", perm=order)
    scores = graph.op(
        "MatMul", [heads["query"], heads["key"]], name + "scores"
    )  # (batch, heads, tokens, tokens)
    scores = graph.op("Mul", [scores, "scale"], name + "scaled")
    scores = graph.op("Add", [scores, "bias"], name + "biased")
    shares = graph.op("Softmax", [scores], name + "shares", axis=-1)
    mixed = graph.op("MatMul", [shares, heads["value"]], name + "mixed")
    mixed = graph.op("Transpose", [mixed], name + "mixed.back", perm=[0, 2, 1, 3])
    mixed = graph.op("Reshape", [mixed, "flat"], name + "mixed.flat")

    attended = _linear(graph, mixed, name + "attention.output.dense", hidden, hidden)
    x = graph.op("Add", [attended, x], name + "attention.sum")
    x = _layer_norm(graph, shape, x, name + "attention.output.LayerNorm")
    raised = _linear(graph, x, name + "intermediate.dense", wide, hidden)
    raised = graph.op("Gelu", [raised], name + "gelu")  # exact (erf), the operator's default
    lowered = _linear(graph, raised, name + "output.dense", hidden, wide)
    x = graph.op("Add", [lowered, x], name + "sum")
    return _layer_norm(graph, shape, x, name + "output.LayerNorm")


def _mean_pooling(graph: GraphBuilder, x: str) -> None:
    """The mean over the unmasked tokens: (batch * tokens, hidden) to (batch, hidden)."""
    rows = graph.op("Reshape", [x, "join"], "rows")  # (batch, tokens, hidden)
    axis = graph.constant("axis1", np.array([1]))
    total = graph.op("MatMul", [graph.op("Unsqueeze", ["kept", axis], "kept3"), rows], "total3")
    total = graph.op("Squeeze", [total, axis], "total")
    graph.op("Div", [total, graph.op("ReduceSum", ["kept", axis], "count", keepdims=1)], "pooled")


def _weighted_pooling(graph: GraphBuilder, x: str) -> None:
    """The sum over tokens, each times its weight in ``pool``: (batch * tokens, hidden) to (batch, hidden)."""
    rows = graph.op("Reshape", [x, "join"], "rows")  # (batch, tokens, hidden)
    axis = graph.constant("axis1", np.array([1]))
    total = graph.op("MatMul", [graph.op("Unsqueeze", ["pool", axis], "pool3"), rows], "total3")
    graph.op("Squeeze", [total, axis], "pooled")


def _linear(graph: GraphBuilder, x: str, name: str, n_out: int, n_in: int) -> str:
    weight, bias = graph.weight(name + ".weight", n_out, n_in), graph.weight(name + ".bias", n_out)
    return graph.op("Gemm", [x, weight, bias], name, transB=1)


def _layer_norm(graph: GraphBuilder, shape: BertShape, x: str, name: str) -> str:
    weight, bias = graph.weight(name + ".weight", shape.hidden), graph.weight(name + ".bias", shape.hidden)
    return graph.op("LayerNormalization", [x, weight, bias], name, axis=-1, epsilon=shape.epsilon)
