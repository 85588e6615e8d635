"""What protocols and measures are called in front of people."""

from eval.results import ProtocolResult

__all__ = ["REFERENCES", "key_measures", "main_measure", "measure_help", "measure_title", "protocol_title"]

REFERENCES = ("chance", "most frequent label", "random", "popularity", "label alone in its list")
"""Systems that no one would ship: they are printed to be beaten, and never win."""

_HELP = {
    "R": "share of the queries whose right sticker is among the first {k} of {pool}",
    "P": "share of right stickers among the first {k}",
    "Hit": "share of the queries with a right sticker among the first {k}; what Int-RA prints as P@{k}",
    "AP": "mean over queries of average precision; the denominator is every right sticker of the whole list",
    "RR": "mean over queries of 1 / rank of the first right sticker",
    "nDCG": "gain discounted by the logarithm of the rank, over the best possible, first {k} places",
}


def protocol_title(result: ProtocolResult) -> str:
    """``10 candidates, right: the gold alone``."""
    least, most = result.n_ranked
    size = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    if result.relevance:
        right = result.relevance
    elif result.label:
        right = f"the same {result.label}"
    else:
        right = {"candidates": "the gold alone", "exact": "the gold alone"}.get(result.protocol, "")
    if not result.n_queries:
        what = result.protocol
    elif result.protocol == "candidates":
        what = f"{size} candidates"
    elif result.protocol in ("exact", "exact-words", "exact-no-words", "library", "intent"):
        what = f"whole library of {size}"
    else:
        what = f"{result.protocol}, {size} ranked"
    return f"{what}, right: {right}" if right else what


def main_measure(result: ProtocolResult) -> str | None:
    """The measure that a protocol is decided by: its first one, or None without any value."""
    return next(iter(result.chance.mean), None)


def key_measures(result: ProtocolResult) -> list[str]:
    """The few that stand in the summary."""
    names = list(result.chance.mean)
    mean = next((name for name in ("AP", "RR") if name in names), None)
    return list(dict.fromkeys([*names[:1], *([mean] if mean else [])]))


def measure_title(result: ProtocolResult, measure: str) -> str:
    """As the papers print it: ``R10@1``, ``R_all@5``, ``MAP``, ``mAP``, ``MRR_all``."""
    kind, at, k = measure.partition("@")
    pool = _pool(result)
    if kind == "R":
        return f"R{pool}@{k}"
    if kind == "RR":
        return f"MRR{pool}"
    if kind == "AP":
        return ("mAP" if result.n_relevant > 1 else "MAP") + at + k
    return measure


def measure_help(result: ProtocolResult, measure: str) -> str:
    """What it means, in one sentence; "" for one we have no words for."""
    kind, _, k = measure.partition("@")
    pool = "the list" if not _pool(result) else f"{result.n_ranked[0]:,}"
    return _HELP.get(kind, "").format(k=k, pool=pool)


def _pool(result: ProtocolResult) -> str:
    least, most = result.n_ranked
    if result.protocol == "candidates":
        return str(least) if least == most and least else ""
    return "" if result.label else "_all"
