"""Words of others on a terminal."""

from retriever.visible import visible


def test_steering_characters_are_made_visible() -> None:
    assert visible("a\u202eb\x1b[31m\n\tc") == "a\ufffdb\ufffd[31m c"
    assert visible("\ud83d") == "\ufffd" and visible("👩‍🚀❤️ 名字") == "👩‍🚀❤️ 名字"
    assert visible("abcdef", 4) == "abc…"
