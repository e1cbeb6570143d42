# SPDX-License-Identifier: Apache-2.0
"""Makes the model folder that the tests of the command line run, and what sentence-transformers makes of some texts.

    python make_model.py      # needs torch, transformers, sentence-transformers

tiny_bert/     a BERT with random weights (2 layers, 32 wide), WordPiece, mean pooling and normalisation
expected.json  texts, their ids by the tokenizer, and their embeddings
"""
import json, os, shutil, string

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "tiny_bert")
WORDS = """the a of to and in is it on for with as by at from that this what who how when where which one two three pool
lease instance instances thread threads model models text texts question answer passage file files line lines word words
token tokens memory wait waits waiting next free time cost costs many few first last new old good bad cat dog sits mat
happens keeps long takes gives back hands out hello world""".split()
TEXTS = ["", "Hello, world!", "The cat sits on the mat.", "Who waits for the next free instance?", "caf\u00e9 \u4e2d\u6587",
         "a\tb\r", "unaffordable zebras", "hello " * 100]


def vocabulary():
    characters = sorted(set(string.ascii_lowercase + string.digits + string.punctuation))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters
    pieces += ["##" + c for c in string.ascii_lowercase + string.digits] + ["##s", "##ing", "##ed"]
    return list(dict.fromkeys(pieces + WORDS))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    base = FOLDER + ".base"
    os.makedirs(base)
    with open(os.path.join(base, "vocab.txt"), "w") as f:
        f.write("\n".join(vocabulary()) + "\n")
    torch.manual_seed(7)
    BertTokenizerFast(os.path.join(base, "vocab.txt"), model_max_length=64).save_pretrained(base)
    config = BertConfig(vocab_size=len(vocabulary()), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                        intermediate_size=64, max_position_embeddings=64, initializer_range=0.4)
    BertModel(config).save_pretrained(base)
    words = Transformer(base, max_seq_length=48)
    model = SentenceTransformer(modules=[words, Pooling(32, pooling_mode="mean"), Normalize()],
                                prompts={"query": "question: ", "document": ""}, device="cpu")
    model.save(FOLDER, create_model_card=False)
    shutil.rmtree(base)
    tokenizer = model.tokenizer
    rows = [{"text": t, "ids": tokenizer(t)["input_ids"], "embedding": [float(x) for x in model.encode(t)]} for t in TEXTS]
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        json.dump(rows, f, indent=None)
        f.write("\n")


main()
