"""The encoders: padding changes nothing, the short way through the last layer is the long way's result."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_pbr_model import IMAGE, TEXT, TEXTS, draw_stickers, tiny_ranker
from torch import nn

from retriever.errors import InputError, ModelError
from retriever.rankers.parts.config import ImageConfig, TextConfig
from retriever.rankers.parts.layers import Attention, Layer, padding_mask
from retriever.rankers.parts.pieces import MARKERS, WordPieces, Words, load_pieces, split_words
from retriever.rankers.parts.pixels import sticker_pixels
from retriever.rankers.parts.text import AttentiveEncoder, RecurrentEncoder, text_encoder
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.rankers.parts.vision import ImageEncoder
from retriever.types import Conversation


@pytest.mark.parametrize("kind", ["bert", "transformer", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_changes_nothing(kind: str, bidirectional: bool) -> None:
    config = TextConfig.model_validate({**TEXT, "kind": kind, "layers": 2, "bidirectional": bidirectional})
    encoder = text_encoder(config, 50).eval()
    ids, mask = torch.randint(5, 50, (2, 9)), torch.ones(2, 9, dtype=torch.int64)
    mask[0, 6:] = 0
    with torch.no_grad():
        states, whole = encoder(ids, mask)
        alone, lone = encoder(ids[:1, :6], mask[:1, :6])
    assert states.shape == (2, 9, 32) and whole.shape == (2, 32)
    assert torch.allclose(states[0, :6], alone[0], atol=1e-5)
    assert torch.allclose(whole[0], lone[0], atol=1e-5)


def test_the_whole_of_a_recurrent_text_is_the_mean_of_its_states() -> None:
    encoder = text_encoder(TextConfig.model_validate({**TEXT, "kind": "gru"}), 50).eval()
    assert isinstance(encoder, RecurrentEncoder)
    ids = torch.randint(5, 50, (1, 7))
    states, whole = encoder(ids, torch.ones_like(ids))
    assert torch.allclose(whole, states.mean(1), atol=1e-6)


def test_the_whole_of_a_text_is_its_cls_or_the_mean_of_its_states() -> None:
    ids, mask = torch.randint(5, 50, (2, 7)), torch.ones(2, 7, dtype=torch.int64)
    mask[0, 4:] = 0
    for pool in ("cls", "mean"):
        encoder = text_encoder(TextConfig.model_validate({**TEXT, "pool": pool}), 50).eval()
        states, whole = encoder(ids, mask)
        wanted = states[0, 0] if pool == "cls" else states[0, :4].mean(0)
        assert torch.allclose(whole[0], wanted, atol=1e-6)
        short, lone = encoder(ids[:1, :4], mask[:1, :4])
        assert torch.allclose(lone[0], whole[0], atol=1e-5) and short.shape[1] == 4


def test_a_frozen_encoder_reads_every_text_once() -> None:
    encoder = text_encoder(TextConfig.model_validate({**TEXT, "dropout": 0.0, "pool": "mean"}), 50).train()
    assert isinstance(encoder, AttentiveEncoder)
    ids, mask = torch.randint(5, 50, (3, 7)), torch.ones(3, 7, dtype=torch.int64)
    mask[0, 4:] = 0
    with torch.no_grad():
        states, whole = encoder(ids, mask)
    encoder.frozen()
    read: list[int] = []
    encoder.norm.register_forward_hook(lambda _module, _given, found: read.append(len(found)))
    for rows in ([0, 1], [1, 2, 0], [2, 1]):
        again, mean = encoder(ids[rows], mask[rows])
        assert torch.allclose(mean, whole[rows], atol=1e-2)  # kept as float16
        assert torch.allclose(again[mask[rows] == 1], states[rows][mask[rows] == 1], atol=1e-2)
        assert not again.requires_grad
    assert read == [2, 1]
    assert torch.equal(
        encoder(ids[:1, :4], mask[:1, :4])[1], encoder(ids[:1], mask[:1])[1]
    )  # padding is no text


def test_what_a_frozen_encoder_read_is_there_in_the_next_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = text_encoder(TextConfig.model_validate({**TEXT, "dropout": 0.0}), 50).eval()
    assert isinstance(encoder, AttentiveEncoder)
    ids, mask = torch.randint(5, 50, (3, 7)), torch.ones(3, 7, dtype=torch.int64)
    mask[0, 4:] = 0
    encoder.frozen(tmp_path)
    states, whole = encoder(ids[:2], mask[:2])
    encoder.keep()
    (file,) = tmp_path.iterdir()

    read: list[int] = []
    encoder.norm.register_forward_hook(lambda _module, _given, found: read.append(len(found)))
    encoder.frozen(tmp_path)  # as a later run would
    again, mean = encoder(ids, mask)
    assert read == [1]  # the third is new
    assert torch.equal(again[:2], states) and torch.equal(mean[:2], whole)
    encoder.keep()

    file.write_bytes(file.read_bytes()[:-20])  # torn: as good as none
    encoder.frozen(tmp_path)
    assert torch.allclose(encoder(ids, mask)[1], mean, atol=1e-3)
    assert read == [1, 3]
    encoder.keep()

    with torch.no_grad():
        encoder.positions.weight += 1
    encoder.frozen(tmp_path)  # other weights know nothing of it
    encoder(ids, mask)
    assert read == [1, 3, 3]
    encoder.keep()
    assert len(list(tmp_path.iterdir())) == 2


def test_dropout_keeps_a_frozen_encoder_reading() -> None:
    encoder = text_encoder(TextConfig.model_validate({**TEXT, "dropout": 0.5}), 50).train()
    assert isinstance(encoder, AttentiveEncoder)
    encoder.frozen()
    ids = torch.randint(5, 50, (1, 7))
    assert not torch.equal(encoder(ids, torch.ones_like(ids))[1], encoder(ids, torch.ones_like(ids))[1])


@pytest.mark.parametrize("queries", [1, 5])
def test_attention_equals_torchs_own(queries: int) -> None:
    """One query alone takes a shorter way."""
    torch.manual_seed(0)
    ours, theirs = Attention(12, 3, 8).eval(), nn.MultiheadAttention(12, 3, kdim=8, vdim=8, batch_first=True)
    with torch.no_grad():
        theirs.q_proj_weight.copy_(ours.query.weight)
        theirs.k_proj_weight.copy_(ours.key.weight)
        theirs.v_proj_weight.copy_(ours.value.weight)
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
        states, context = torch.randn(2, queries, 12), torch.randn(2, 7, 8)
        mask = torch.ones(2, 7)
        mask[1, 4:] = 0
        maps: list[torch.Tensor] = []
        found = ours(states, context, padding_mask(mask))
        shown = ours(states, context, padding_mask(mask), maps)
        expected, weights = theirs(
            states, context, context, key_padding_mask=mask == 0, average_attn_weights=False
        )
        expected = ours.norm(states + expected)
        assert torch.allclose(ours.train()(states, context, padding_mask(mask)), expected, atol=1e-5)
    assert torch.allclose(found, expected, atol=1e-5) and torch.allclose(shown, expected, atol=1e-5)
    assert torch.allclose(maps[0], weights, atol=1e-5)


def test_the_last_layer_for_one_token_gives_what_the_whole_layer_gives_it() -> None:
    torch.manual_seed(0)
    layer = Layer(12, 3, 20, 8).eval()
    states, context, mask = torch.randn(2, 5, 12), torch.randn(2, 7, 8), padding_mask(torch.ones(2, 5))
    with torch.no_grad():
        short, long = (layer(states, mask, context, first_only=only) for only in (True, False))
    assert short.shape == (2, 1, 12) and torch.allclose(short[:, 0], long[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "width", "regions"),
    [
        (IMAGE, 24, 16),
        ({"model": "resnet10t", "size": 64}, 512, 4),
        ({"model": "vit_tiny_patch16_224", "size": 32, "options": {"patch_size": 8, "embed_dim": 24,
          "depth": 1, "num_heads": 2, "class_token": False, "global_pool": "avg"}}, 24, 16),
        ({"model": "swin_tiny_patch4_window7_224", "size": 32, "options": {"embed_dim": 12,
          "depths": [1, 1], "num_heads": [1, 2], "window_size": 4}}, 24, 16),
    ],
    ids=["class token", "feature map", "no class token", "channels last"],
)  # fmt: skip
def test_an_image_is_its_whole_and_its_regions(options: dict, width: int, regions: int) -> None:  # type: ignore[type-arg]
    config = ImageConfig.model_validate(options)
    encoder = ImageEncoder(config).eval()
    assert encoder.width == width
    with torch.no_grad():
        states = encoder(torch.rand(3, 3, config.size, config.size))
    assert states.shape == (3, 1 + regions, width)
    if getattr(encoder.body, "num_prefix_tokens", 0) == 0:
        assert torch.allclose(states[:, 0], states[:, 1:].mean(1), atol=1e-5)


def test_pixels_are_normalised_inside_the_encoder() -> None:
    torch.manual_seed(0)
    plain = ImageEncoder(ImageConfig.model_validate({**IMAGE, "mean": (0, 0, 0), "std": (1, 1, 1)})).eval()
    torch.manual_seed(0)
    shifted = ImageEncoder(
        ImageConfig.model_validate({**IMAGE, "mean": (0.5,) * 3, "std": (0.25,) * 3})
    ).eval()
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(shifted(images), plain((images - 0.5) / 0.25), atol=1e-5)


def test_models_that_timm_does_not_have() -> None:
    with pytest.raises(InputError, match=r"no model 'resnet51'.*resnet"):
        ImageEncoder(ImageConfig(model="resnet51"))
    with pytest.raises(InputError, match="cannot build resnet10t"):
        ImageEncoder(ImageConfig(model="resnet10t", options={"colour": "blue"}))


def tokens(**changes: object) -> ConversationTokens:
    config = TextConfig.model_validate({**TEXT, "kind": "transformer", **changes})
    return ConversationTokens(Words.learn(TEXTS, 80, config.segment), config)


def spell(found: ConversationTokens, conversation: Conversation) -> str:
    words = found.pieces.words  # type: ignore[attr-defined]
    batch = found.batch([conversation])
    return " ".join(words[at] for at, seen in zip(batch.ids[0], batch.mask[0], strict=True) if seen)


def test_utterances_are_joined_by_separators_and_empty_ones_left_out() -> None:
    talk = Conversation.from_texts("Hello there", "  ", "happy 猫")
    assert spell(tokens(), talk) == "[CLS] hello there [SEP] happy [UNK] [SEP]"
    batch = tokens().batch([talk, Conversation.from_texts("so")])
    assert batch.turn[0].tolist()[:7] == [-1, 0, 0, 0, 2, 2, 2]
    assert batch.ids.shape == (2, 8) and batch.mask.sum(1).tolist() == [7, 3]


def test_the_newest_words_stay_and_the_released_way_keeps_the_oldest() -> None:
    talk = Conversation.from_texts("hello there", "this is a happy cat")
    assert spell(tokens(max_tokens=5), talk) == "[CLS] a happy cat [SEP]"
    assert spell(tokens(max_tokens=5, truncate="right"), talk) == "[CLS] hello there [SEP] this"


def test_spaces_can_be_taken_out_as_in_the_released_code() -> None:
    pieces = WordPieces.learn(["我 很 开心", "hellothere"], 60)
    config = TextConfig.model_validate({**TEXT, "remove_spaces": True})
    plain = ConversationTokens(pieces, TextConfig.model_validate(TEXT))
    glued = ConversationTokens(pieces, config)
    chinese, english = (Conversation.from_texts(text) for text in ("我 很 开 心", "hello there"))
    assert glued.rows([chinese]) == plain.rows([chinese])
    assert glued.rows([english]) == plain.rows([Conversation.from_texts("hellothere")])


def test_words_of_mixed_text() -> None:
    assert split_words("我很开心, isn't it？ＯＫ", "jieba") == [
        "我",
        "很",
        "开心",
        ",",
        "isn't",
        "it",
        "?",
        "ok",
    ]
    assert split_words("我很 开心, OK", "spaces") == ["我很", "开心,", "ok"]


def test_a_learnt_vocabulary_does_not_depend_on_the_run() -> None:
    texts = [*TEXTS, "the cats and the hats", "猫和帽子"] * 3
    tables = {tuple(WordPieces.learn(texts, size).cut(["happy cats 猫 😀"])[0]) for size in [70] * 6}
    assert len(tables) == 1
    assert Words.learn(["b a", "a c"], 7, "spaces").words == (*MARKERS, "a", "b")


def test_vocabularies_come_back_from_disk(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name, pieces in (("a", WordPieces.learn(TEXTS, 80)), ("b", Words.learn(TEXTS, 80, "spaces"))):
        (tmp_path / name).mkdir()
        pieces.save(tmp_path / name)
        again = load_pieces(tmp_path / name)
        assert again.cut(["a happy 开心 zebra"]) == pieces.cut(["a happy 开心 zebra"])
        assert (again.size, again.markers) == (pieces.size, pieces.markers)
    with pytest.raises(ModelError, match="no readable tokenizer"):
        load_pieces(tmp_path)


def test_pictures_become_squares_on_white(tmp_path) -> None:  # type: ignore[no-untyped-def]
    stickers = draw_stickers(tmp_path)
    pixels = {fit: sticker_pixels(stickers, 24, fit) for fit in ("pad", "stretch", "crop")}
    assert all(found.shape == (5, 24, 24, 3) and found.dtype == np.uint8 for found in pixels.values())
    narrow = pixels["pad"][0]  # 20 x 30: white on both sides
    assert (narrow[:, :4] == 255).all() and (narrow[:, -4:] == 255).all()
    assert (pixels["pad"][1][0] == 255).all()  # transparent is white
    assert not np.array_equal(pixels["pad"][0], pixels["crop"][0])
    assert not np.array_equal(pixels["crop"][0], pixels["stretch"][0])


def test_configurations_that_cannot_be() -> None:
    for wrong, said in (
        ({"kind": "gru", "pretrained": "minilm"}, "has no checkpoint"),
        ({"vectors": "x.txt"}, "reads word pieces"),
        ({"width": 30, "heads": 4}, "not a multiple"),
        ({"kind": "lstm", "width": 31}, "needs an even one"),
        ({"widht": 31}, "widht"),
    ):
        with pytest.raises(ValueError, match=said):
            TextConfig.model_validate(wrong)


def test_a_fusion_of_another_width_than_the_text() -> None:
    ranker = tiny_ranker(fusion={"layers": 1, "width": 16, "heads": 4, "ffn": 20})
    layer = ranker.model.fusion.layers[0]
    assert isinstance(layer, Layer) and layer.up.weight.shape == (20, 16)
    assert ranker.texts([Conversation.from_texts("hello")]).states.shape[-1] == 32
