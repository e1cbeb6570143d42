# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/classifiers: small random classifiers of every encoder architecture, and what transformers' pipelines
make of texts with them. Run it with torch, transformers, sentence-transformers and safetensors:

    python tests/scripts/make_classification_fixtures.py [NAME ...]
"""
import json
import shutil
import sys
import tempfile
import pathlib

from make_encoder_fixtures import BERT_SPECIALS, ROBERTA_SPECIALS, transformer, word_piece, write
from transformers import pipeline

ROOT = pathlib.Path(__file__).resolve().parent.parent / "data" / "classifiers"
TEXTS = ["", "the water", "A little WORD, called by many in 水 and ü!", "find the long query: it was called little water. just most of all they know"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC-x"]


def run(folder, task, row):
    with tempfile.TemporaryDirectory() as temporary:
        copy = pathlib.Path(temporary) / "model"
        shutil.copytree(folder, copy)
        write(copy / "config.json", {**json.loads((copy / "config.json").read_text()), **row.get("config", {})})
        if task == "token-classification":
            classify = pipeline(task, model=str(copy), aggregation_strategy=row.get("aggregation", "none"), dtype="float32")
        else:
            classify = pipeline(task, model=str(copy), top_k=None, dtype="float32")
        rounded = lambda entry: {k: round(float(v), 6) if k == "score" else v for k, v in entry.items()}
        results = [classify(text) for text in TEXTS]
        results = [r[0] if r and isinstance(r[0], list) else r for r in results]  # one text of several that could have been
        row["results"] = [[rounded(entry) for entry in entries] for entries in results]
    return row


def names(labels):
    return {"id2label": {str(i): n for i, n in enumerate(labels)}, "label2id": {n: i for i, n in enumerate(labels)}}


def make(name, kind, specials, seed, **config):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    of_tokens = kind.endswith("TokenClassification")
    labels = TAGS if of_tokens else ["bad", "good", "neither"]
    vocab = word_piece(folder, specials, 40)
    depth = {"n_layers": 1} if kind.startswith("Distil") else {"num_hidden_layers": 1}
    transformer(folder, kind, vocab, seed, pad_token_id=1, id2label=dict(enumerate(labels)),
                label2id={n: i for i, n in enumerate(labels)}, **depth, **config)
    task = "token-classification" if of_tokens else "text-classification"
    if of_tokens:
        rows = [{}, {"aggregation": "simple"}, {"aggregation": "simple", "config": names(["A", "B", "A", "O", "B-B", "I-A"])}]
    else:
        rows = [{}] + [{"config": {"problem_type": p}} for p in ("regression", "single_label_classification", "multi_label_classification")]
    write(folder / "expected.json", {"task": task, "texts": TEXTS, "labels": labels, "cases": [run(folder, task, r) for r in rows]})
    print(name, sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()))


def make_one_label():
    """One label only: a sigmoid."""
    folder = ROOT / "one_label"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    vocab = word_piece(folder, BERT_SPECIALS, 40)
    transformer(folder, "BertForSequenceClassification", vocab, 11, pad_token_id=1, num_labels=1, num_hidden_layers=1)
    rows = [run(folder, "text-classification", {}), run(folder, "text-classification", {"config": {"problem_type": "regression"}})]
    write(folder / "expected.json", {"task": "text-classification", "texts": TEXTS, "labels": ["LABEL_0"], "cases": rows})


MAKERS = {
    "bert_token": ("BertForTokenClassification", BERT_SPECIALS, 1), "bert_text": ("BertForSequenceClassification", BERT_SPECIALS, 2),
    "roberta_token": ("RobertaForTokenClassification", ROBERTA_SPECIALS, 3),
    "roberta_text": ("RobertaForSequenceClassification", ROBERTA_SPECIALS, 4),
    "xlm_roberta_text": ("XLMRobertaForSequenceClassification", ROBERTA_SPECIALS, 5),
    "distilbert_token": ("DistilBertForTokenClassification", BERT_SPECIALS, 6),
    "distilbert_text": ("DistilBertForSequenceClassification", BERT_SPECIALS, 7),
    "mpnet_token": ("MPNetForTokenClassification", ROBERTA_SPECIALS, 8), "mpnet_text": ("MPNetForSequenceClassification", ROBERTA_SPECIALS, 9)}

if __name__ == "__main__":
    for name in sys.argv[1:] or [*MAKERS, "one_label"]:
        make_one_label() if name == "one_label" else make(name, *MAKERS[name])
