"""The shipped pack's ideas: complete, valid and drawable."""

from collections import Counter

import pytest

from retriever.labels import EMOTIONS, INTENTIONS
from retriever.starter.catalogue import catalogue
from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.effects import EFFECTS
from retriever.starter.draw.expressions import EXPRESSIONS
from retriever.starter.draw.gestures import GESTURES
from retriever.starter.draw.lettering import can_write
from retriever.starter.draw.motion import MOTIONS
from retriever.starter.draw.postures import POSTURES

SPECS = catalogue()


def test_at_least_four_characters_with_24_stickers_each() -> None:
    sizes = Counter(spec.character for spec in SPECS)
    assert set(sizes) == set(CHARACTERS)
    assert len(sizes) >= 4
    assert min(sizes.values()) >= 24


def test_every_emotion_and_every_intention_occurs() -> None:
    assert {spec.emotion for spec in SPECS} == set(EMOTIONS)
    assert {spec.intention for spec in SPECS} == set(INTENTIONS)


def test_slugs_are_unique_within_a_character() -> None:
    assert len({(spec.character, spec.slug) for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.character}/{spec.slug}")
def test_an_idea_names_only_what_can_be_drawn(spec) -> None:
    assert spec.expression in EXPRESSIONS
    assert spec.gesture in GESTURES
    assert spec.posture in POSTURES
    assert set(spec.effects) <= set(EFFECTS)
    assert spec.motion is None or spec.motion in MOTIONS
    assert spec.motion is not None or spec.container == "webp"
    assert can_write(spec.caption), f"the caption font lacks a letter of {spec.caption!r}"
    assert set(spec.name) == set(spec.keywords) == {"en", "zh"}
    assert all(spec.name.values()) and all(len(words) >= 3 for words in spec.keywords.values())
    assert spec.emoji


def test_a_letter_outside_the_caption_font_is_noticed() -> None:
    assert not can_write("Ж")
    assert can_write("OK 谢谢!")


def test_expressions_stand_for_known_moods() -> None:
    for face in EXPRESSIONS.values():
        for emotion, intention in face.moods:
            assert emotion in EMOTIONS and intention in INTENTIONS


def test_captions_are_there_in_both_languages_but_not_everywhere() -> None:
    captions = [spec.caption for spec in SPECS]
    assert sum(caption.isascii() and caption != "" for caption in captions) >= 10
    assert sum(not caption.isascii() for caption in captions) >= 10
    assert captions.count("") >= 40


def test_animated_stickers_come_in_three_containers() -> None:
    containers = Counter(spec.container for spec in SPECS if spec.motion)
    assert containers["gif"] >= 2 and containers["webp"] >= 2 and containers["png"] >= 2
