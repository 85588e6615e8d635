import numpy as np
import pytest

from retriever.errors import InputError
from retriever.filters import FilterIndex, Filters
from retriever.types import Sticker


def sticker(id: str, pack: str, emotion: str | None, intention: str | None, *tags: str) -> Sticker:
    return Sticker(id, pack, "00", f"/{id}.png", emotion=emotion, intention=intention, tags=tags)


LIBRARY = [
    sticker("cats/1", "cats", "happiness", "joy", "party", "Hat"),
    sticker("cats/2", "cats", "Anger", "anger"),
    sticker("dogs/1", "dogs", "happiness", "love", "hat"),
    sticker("dogs/2", "dogs", None, None, "hat", "hat"),
]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        (Filters(), [0, 1, 2, 3]),
        (Filters(packs=("cats",)), [0, 1]),
        (Filters(packs=("cats", "dogs")), [0, 1, 2, 3]),
        (Filters(emotions=("happiness",)), [0, 2]),
        (Filters(emotions=(" HAPPINESS ", "anger")), [0, 1, 2]),
        (Filters(intentions=("love",)), [2]),
        (Filters(tags=("hat",)), [0, 2, 3]),
        (Filters(packs=("dogs",), emotions=("happiness",)), [2]),
        (Filters(packs=("dogs",), emotions=("anger",)), []),
        (Filters(ids=("dogs/2", "cats/1")), [0, 3]),
        (Filters(packs=["cats"]), [0, 1]),  # type: ignore[arg-type]
    ],
)
def test_masks(filters: Filters, rows: list[int]) -> None:
    mask = filters.mask(LIBRARY)
    assert mask.dtype == np.bool_ and mask.shape == (4,)
    assert np.flatnonzero(mask).tolist() == rows


def test_index_answers_again_and_gives_fresh_masks() -> None:
    index = FilterIndex(LIBRARY)
    index.mask(Filters(packs=("cats",)))[:] = False
    assert index.mask(Filters(packs=("cats",))).tolist() == [True, True, False, False]
    assert index.values("tags") == {"party": 1, "hat": 3}
    assert index.values("emotions") == {"happiness": 2, "anger": 1}


def test_stickers_are_read_once_and_late() -> None:
    """A library may parse a sticker each time it is asked for one."""

    class Counted(list[Sticker]):
        reads = 0

        def __iter__(self):
            Counted.reads += 1
            return super().__iter__()

    index = FilterIndex(Counted(LIBRARY))
    assert Counted.reads == 0
    index.mask(Filters(packs=("cats",), tags=("hat",)))
    index.mask(Filters(emotions=("anger",), ids=("cats/2",)))
    assert Counted.reads == 1


def test_truth_of_filters() -> None:
    assert not Filters()
    assert Filters(tags=("hat",))


def test_filters_are_values() -> None:
    assert Filters(packs=["a"]) == Filters(packs=("a",))  # type: ignore[arg-type]
    assert len({Filters(packs=("a",)), Filters(packs=("a",)), Filters()}) == 2


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(packs=("cat",)), "no sticker has the pack 'cat'; did you mean 'cats'?"),
        (Filters(packs=("Cats",)), "no sticker has the pack 'Cats'; did you mean 'cats'?"),
        (Filters(packs=("zebra",)), "no sticker has the pack 'zebra'; there are cats, dogs"),
        (Filters(emotions=("hapiness",)), "no sticker has the emotion 'hapiness'; did you mean 'happiness'?"),
        (Filters(emotions=("fear",)), "no sticker has the emotion 'fear'; there are anger, happiness"),
        (Filters(packs=("cats", "nope")), "no sticker has the pack 'nope'"),
        (Filters(ids=("cats/3",)), "no sticker has the id 'cats/3'; did you mean"),
    ],
)
def test_unknown_values_say_what_there_is(filters: Filters, message: str) -> None:
    with pytest.raises(InputError) as caught:
        filters.mask(LIBRARY)
    assert str(caught.value).startswith(message)


def test_long_lists_are_cut() -> None:
    many = [sticker(f"p{i:03}/x", f"p{i:03}", None, None) for i in range(100)]
    with pytest.raises(InputError, match=r"there are p000, p001, .*p011 and 88 more$"):
        Filters(packs=("zzzz",)).mask(many)
    with pytest.raises(InputError, match=r"no sticker has the emotion 'joy'; no sticker has any$"):
        Filters(emotions=("joy",)).mask(many)


def test_big_libraries_compare_only_what_begins_alike() -> None:
    many = [sticker(f"id-{i}", "p", None, None) for i in range(3000)]
    with pytest.raises(InputError, match="did you mean 'id-1234'"):
        Filters(ids=("id-1234x",)).mask(many)
    with pytest.raises(InputError, match="there are id-0"):
        Filters(ids=("other",)).mask(many)


def test_empty_library() -> None:
    assert Filters().mask([]).shape == (0,)
    with pytest.raises(InputError, match="no sticker has any"):
        Filters(packs=("cats",)).mask([])


@pytest.mark.parametrize("value", ["cats", 3, None, ("cats", 3)])
def test_only_lists_of_texts(value: object) -> None:
    with pytest.raises(InputError, match="packs"):
        Filters(packs=value)  # type: ignore[arg-type]


def test_unknown_field_of_values() -> None:
    with pytest.raises(InputError, match="no filter 'colour'; there are packs, emotions"):
        FilterIndex(LIBRARY).values("colour")
