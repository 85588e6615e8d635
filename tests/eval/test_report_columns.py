import numpy as np

from eval.report_page.columns import gather


def entry(**values):
    return {"n": 3, "relevant": 1, "label": "joy", "values": {k: {"P@1": v} for k, v in values.items()}}


def test_columns_by_hand():
    records = [
        {"id": "a", "facts": {"n_utterances": 2, "verbal": True}, "protocols": {"x": entry(s=1.0)}},
        {"id": "b", "protocols": {"x": {"skipped": "no label"}}},
        {"id": "c", "facts": {"unseen": False}, "protocols": {"x": entry(s=0.5, t=0.25)}},
    ]
    records[0]["protocols"]["x"] |= {"rank": {"s": 1.5}, "curve": {"s": [1.0, 0.0]}}
    records[2]["protocols"]["x"] |= {"rank": {"s": None, "t": 3.0}, "curve": {"s": [0.0, 0.5], "t": None}}
    found = gather(records, ["x", "y"])
    assert found.n == 3
    assert np.array_equal(found.n_utterances, [2, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(found.verbal, [1, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(found.unseen, [np.nan, np.nan, 0], equal_nan=True)
    part = found.protocols["x"]
    assert part.rows.tolist() == [0, 2] and part.labels == ("joy", "joy")
    assert part.values["s"]["P@1"].tolist() == [1.0, 0.5]
    # a system that a record says nothing of has no value there, and the others keep their places
    assert np.array_equal(part.values["t"]["P@1"], [np.nan, 0.25], equal_nan=True)
    assert np.array_equal(part.ranks["s"], [1.5, np.nan], equal_nan=True)
    assert np.array_equal(part.ranks["t"], [np.nan, 3.0], equal_nan=True)
    assert part.curves["s"].tolist() == [0.5, 0.25] and "t" not in part.curves
    assert len(found.protocols["y"].rows) == 0 and found.protocols["y"].values == {}
