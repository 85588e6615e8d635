"""What the model to start from thinks of likeness, kept while the rest is learnt.

Emotion labels teach which stickers share a mood and make everything else fall together: "I passed!" is no
longer near a graduation cap. The published model knows that, so its similarities are distilled into comments
and sticker documents (Tung and Mori 2019, arXiv:1907.09682, with a softmax over stickers). A document in any
language is held to what its English text is like, which gives Chinese words a meaning.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retriever.documents import document
from retriever.encoders.base import EncoderSpec
from retriever.encoders.minilm import load_minilm
from retriever.encoders.onnx_bert import OnnxBertEncoder
from retriever.errors import ModelError
from retriever.types import Sticker
from trainers.dual.config import DualConfig

__all__ = ["Anchor"]


class Anchor:
    """The published model as a judge of likeness.

    Args:
        config: says which model.
        stickers: the bank, in its order.

    Raises:
        ModelError: the model is missing or damaged.
    """

    def __init__(self, config: DualConfig, stickers: Sequence[Sticker]) -> None:
        self._encoder = load_minilm() if config.anchor == "minilm" else _of_folder(config)
        texts = [document(sticker, languages=("en",)) for sticker in stickers]
        self._bank = np.asarray(self._encoder.encode_documents(texts), np.float32)
        self._rows = {sticker.id: row for row, sticker in enumerate(stickers)}

    def likeness(self, comments: Sequence[str], stickers: Sequence[Sticker]) -> NDArray[np.float32]:
        """(n, d) cosines of comments, then of stickers of the bank, with every sticker of the bank."""
        own = self._bank[[self._rows[sticker.id] for sticker in stickers]]
        said = [np.asarray(self._encoder.encode_queries(list(comments)), np.float32)] if comments else []
        return np.concatenate([*said, own]) @ self._bank.T


def _of_folder(config: DualConfig) -> OnnxBertEncoder:
    import json
    from pathlib import Path

    folder = Path(config.anchor).expanduser()
    try:
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"anchor {folder} cannot be read ({error}); give minilm, the folder of a BERT, or nothing"
        ) from error
    spec = EncoderSpec(
        name="anchor",
        model_id=str(folder),
        dimension=int(shape["hidden_size"]),
        sticker_side="document",
        languages=(),
        preprocessing="as published",
    )
    return OnnxBertEncoder(folder, spec, max_tokens=config.max_tokens)
