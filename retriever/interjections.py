"""What English speakers mean by words that name no feeling: "oh my god" asks for a surprised face.

Sticker names say *surprised*, people say *no way*; nothing but a table joins the two. On 5,000 training
conversations in English it moved BM25's R10@1 from 10.7 to 11.6 and P@1 from 20.0 to 20.7; a Chinese table
of the same kind moved nothing and was left out.
"""

import re

__all__ = ["IMPLIED", "implied_words"]

IMPLIED: tuple[tuple[str, str], ...] = (
    (
        r"oh my g(?:od|osh)|omg|wow|wh?oah?|no way|seriously\?|really\?|you'?re kidding|holy",
        "surprised astonished wow",
    ),
    (r"(?:ha ?){2,}h?|he(?:he)+|lol|lmao|rofl|funny", "laugh haha funny"),
    (r"yay|woo ?hoo|hooray|ye(?:s|ah)!|awesome|perfect|amazing|wonderful|fantastic", "happy yay celebrate"),
    (r"sorry|apologi[sz]e", "sorry sad"),
    (r"thanks?|thank you", "thank thanks"),
    (r"e+w+|yuck|gross|ugh", "disgust nauseated sick"),
    (r"damn|shut up|how dare|i hate|get out", "angry mad rage"),
    (r"oh no|careful|watch out|scar(?:ed|y)", "fear scared worried"),
    (r"miss you|goodbye|died|crying|alone", "sad cry tears"),
    (r"honey|sweetie|darling", "love heart"),
)
"""(pattern, words): where the pattern stands as words of its own, the words are asked for as well."""

_COMPILED = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), tuple(words.split()))
    for pattern, words in IMPLIED
)


def implied_words(text: str) -> list[str]:
    """The words that the interjections and stock phrases in `text` stand for, without repeats."""
    plain = text.replace("’", "'")
    found = [word for pattern, words in _COMPILED if pattern.search(plain) for word in words]
    return list(dict.fromkeys(found))
