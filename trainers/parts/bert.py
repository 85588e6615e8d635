"""Where a published BERT is read from: the hub, a folder, or what comes with the packages."""

from pathlib import Path

from retriever.checkpoints import STARTER
from retriever.encoders.minilm import minilm_folder
from retriever.errors import ModelError
from retriever.rankers.parts.pieces import WordPieces
from trainers.parts.dual_bert import is_dual, read_dual_bert
from trainers.parts.from_transformers import load_published
from trainers.parts.published import PublishedBert

__all__ = ["read_bert"]


def read_bert(source: str) -> PublishedBert:
    """Read a BERT.

    Args:
        source: a hub id, a local folder (of a BERT, or a dual checkpoint), ``minilm``, the packaged
            all-MiniLM-L6-v2, or ``starter``, the text tower of the ranker that ships.

    Raises:
        ModelError: it cannot be had, is no BERT, or lacks weights or a tokenizer.
        MissingExtra: transformers (or the packaged model) is not installed.
    """
    place = STARTER if source == "starter" else Path(source).expanduser()
    if is_dual(place):
        return read_dual_bert(place)
    loaded = load_published(
        str(minilm_folder()) if source == "minilm" else source,
        "BERT",
        {"bert": "BertModel"},
        add_pooling_layer=False,
    )
    config = loaded.config
    if config.hidden_act != "gelu":
        raise ModelError(f"{source} has the activation {config.hidden_act!r}; the layers here have 'gelu'")
    return PublishedBert(
        {name: value.detach() for name, value in loaded.model.state_dict().items()},
        WordPieces(loaded.tokenizer),
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        config.max_position_embeddings,
        config.hidden_act,
    )
