"""The marks that rankers are held against, on the same validation split: two models that name the label.

``linear`` is logistic regression on TF-IDF of words (one, two) and characters (one to four) of the last
utterance and the mode; ``minilm`` is the packaged all-MiniLM-L6-v2, mean-pooled, with a linear head, all of
it fine-tuned to the label for four epochs on the last four utterances. A candidate's score is the log
probability of its label, so stickers of one label tie; ties count as their mean. One model a dataset; nothing
is selected.

R@k and MAP are over each conversation's ten candidates, P@1 is whether the likeliest label is right; percent.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Sample, open_dataset
from eval.labels import label_of, pick_label_field
from retriever.packs import open_pack
from retriever.packs.entry import Quarantined
from retriever.progress import bar
from trainers.datasets.ranking import RankingSample
from trainers.ranking.measure import measure

EPOCHS, BATCH, RATE, TOKENS, TURNS = 4, 32, 5e-5, 128, 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the datasets' folders")
    parser.add_argument("--datasets", nargs="+", default=["chat-en", "chat-zh", "tweet-emoji"])
    parser.add_argument("--pack", required=True, help="the stickers' pack")
    parser.add_argument("--marks", nargs="+", choices=("linear", "minilm"), default=("linear", "minilm"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="fine-tune in bf16, where the processor has it")
    arguments = parser.parse_args()
    for name in arguments.datasets:
        train, valid = (
            list(open_dataset(arguments.data / name, split).samples()) for split in ("train", "valid")
        )
        field = pick_label_field(train)
        assert field is not None, f"{name} has no labels"
        said = {
            entry.id: label_of(entry.annotations, field)
            for entry in open_pack(arguments.pack)
            if not isinstance(entry, Quarantined)
        }
        labels = sorted({str(label_of(sample, field)) for sample in train})
        wanted = np.array([labels.index(str(label_of(sample, field))) for sample in train])
        for mark in arguments.marks:
            began = time.monotonic()
            if mark == "linear":
                found = linear(train, valid, wanted)
            else:
                found = fine_tuned(train, valid, wanted, arguments.seed, arguments.bf16)
            values = judged(found, valid, labels, said)
            truth = [labels.index(str(label_of(sample, field))) for sample in valid]
            values["P@1"] = 100 * float((found.argmax(1) == np.array(truth)).mean())
            values = {measure: round(value, 2) for measure, value in values.items()}
            minutes = round((time.monotonic() - began) / 60, 1)
            print(json.dumps({"dataset": name, "mark": mark, **values, "minutes": minutes}), flush=True)


def linear(
    train: Sequence[Sample], valid: Sequence[Sample], wanted: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n, labels) log probabilities."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizers = (
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=3, sublinear_tf=True),
    )
    texts, asked = (
        [f"{sample.conversation.mode} {sample.conversation.utterances[-1].text}" for sample in samples]
        for samples in (train, valid)
    )
    seen = hstack([vectorizer.fit_transform(texts) for vectorizer in vectorizers])
    new = hstack([vectorizer.transform(asked) for vectorizer in vectorizers])
    model = LogisticRegression(max_iter=300).fit(seen, wanted)
    found: NDArray[np.float64] = model.predict_log_proba(new)
    return found


def fine_tuned(
    train: Sequence[Sample], valid: Sequence[Sample], wanted: NDArray[np.int64], seed: int, bf16: bool = False
) -> NDArray[np.float64]:
    """(n, labels) log probabilities."""
    from retriever.torchvision_ops import install_hook

    install_hook()
    import torch
    from transformers import AutoModel, AutoTokenizer

    from retriever.encoders.minilm import minilm_folder
    from trainers.loop.attention import Float32Attention

    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder(), truncation_side="left")
    body = AutoModel.from_pretrained(minilm_folder())
    head = torch.nn.Linear(body.config.hidden_size, int(wanted.max()) + 1)
    parameters = [*body.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    total = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / (0.06 * total)) * max(0.0, 1 - step / total)
    )
    texts = [_read(sample, tokenizer.sep_token) for sample in train]
    generator = np.random.default_rng(seed)

    def logits(batch: list[str]) -> torch.Tensor:
        read = tokenizer(batch, truncation=True, max_length=TOKENS, padding=True, return_tensors="pt")
        mask = read["attention_mask"][:, :, None].float()
        attention = Float32Attention() if bf16 else nullcontext()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16), attention:
            states = body(**read).last_hidden_state.float()
        answer: torch.Tensor = head((states * mask).sum(1) / mask.sum(1))
        return answer

    body.train()
    with bar("Fine-tuning", total, unit="batches") as advance:
        for _ in range(EPOCHS):
            for rows in _batches(texts, generator):
                loss = torch.nn.functional.cross_entropy(
                    logits([texts[row] for row in rows]), torch.from_numpy(wanted[rows])
                )
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                advance(1)
    body.eval()
    asked = [_read(sample, tokenizer.sep_token) for sample in valid]
    with torch.inference_mode():
        parts = [logits(asked[at : at + 64]).log_softmax(-1) for at in range(0, len(asked), 64)]
    return torch.cat(parts).double().numpy()  # type: ignore[no-any-return]


def _read(sample: Sample, separator: str) -> str:
    talk = sample.conversation
    who = ["me" if turn.speaker == talk.reply_speaker else "you" for turn in talk.utterances]
    turns = [f"{name}: {turn.text}" for name, turn in zip(who, talk.utterances, strict=True)][-TURNS:]
    return f" {separator} ".join([talk.mode, *turns])


def _batches(texts: Sequence[str], generator: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of similar length together, in random order."""
    order = np.argsort([len(text) * generator.uniform(0.8, 1.25) for text in texts])
    parts = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    return [parts[at] for at in generator.permutation(len(parts))]


def judged(
    found: NDArray[np.float64],
    samples: Sequence[Sample],
    labels: Sequence[str],
    said: dict[str, str | None],
) -> dict[str, float]:
    """R@1, R@2, R@5 and MAP in percent over the samples' candidates; a label never trained on comes last."""
    place = {label: at for at, label in enumerate(labels)}
    lists, scores = [], []
    for row, sample in zip(found, samples, strict=True):
        assert sample.candidates is not None and sample.gold is not None
        at = np.array([place.get(str(said[candidate]), -1) for candidate in sample.candidates])
        scores.append(np.where(at >= 0, row[at], -1e9))
        talk = sample.conversation
        ranked = RankingSample(talk.id, talk, sample.gold, pack="")
        lists.append(ranked.with_candidates(sample.candidates, sample.candidates.index(sample.gold)))
    return measure(lists, scores)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
