"""Which part of a text an encoder's languages cover."""

import pytest

from retriever.languages import readable_share


@pytest.mark.parametrize(
    ("text", "languages", "share"),
    [
        ("Thank you!", ("en",), 1.0),
        ("谢谢你", ("en",), 0.0),
        ("谢谢你", ("zh",), 1.0),
        ("谢谢 ok", ("en",), 0.5),  # two Han letters, two Latin ones
        ("谢谢 ok", ("en", "zh"), 1.0),
        ("ありがとう", ("zh",), 0.0),
        ("有り難う", ("ja",), 1.0),
        ("émigré", ("en",), 1.0),
        ("123 :-) 😀", ("en",), 1.0),  # no letter, nothing unread
        ("", ("en",), 1.0),
        ("谢谢", (), 1.0),
        ("谢谢", ("en", "eo"), 1.0),  # Esperanto's script is not listed: no claim
    ],
)
def test_share_of_letters_in_the_languages_scripts(
    text: str, languages: tuple[str, ...], share: float
) -> None:
    assert readable_share(text, languages) == pytest.approx(share)
