# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/embeddings: small random BERT folders in the shapes that public checkpoints come in, and what
sentence-transformers computes with them. Run it with torch, transformers, sentence-transformers and safetensors:

    python tests/scripts/make_embedding_fixtures.py [FOLDER_OF_ALL_MINILM_L6_V2]

With that folder it also writes minilm.json: the real model's vectors for hard texts.
"""
import json
import pathlib
import random
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parent.parent / "data" / "embeddings"
WORDS = """the a of to and in is that it was for on are as with his they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down only way find
use may water long little very after words called just where most know""".split()
TEXTS = ["", "the water", "A little WORD, called by many people!", "unbelievable", "x",
         "one two one two one two and then some more words than the limit of sixteen tokens lets through, so that they are cut",
         "they said: \"now\" (or then)", "time\n\ttime   time", "é ü 水 water"]


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def vocabulary():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
    letters = "abcdefghijklmnopqrstuvwxyz"
    return list(dict.fromkeys(pieces + list(letters) + [f"##{c}" for c in letters] + list("!\"():,.-") + ["水"]))


def transformer(folder, seed, with_heads=False, **config):
    """A random BERT and its tokenizer; the vocabulary is small, so that the files are."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n")
    tokenizer = BertTokenizerFast.from_pretrained(folder, model_max_length=64)
    torch.manual_seed(seed)
    config = BertConfig(**{**dict(vocab_size=len(vocabulary()), hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                                  intermediate_size=40, max_position_embeddings=64, initializer_range=0.3), **config})
    model = BertForMaskedLM(config) if with_heads else BertModel(config)
    with torch.no_grad():  # norms and biases of a new model are 1 and 0: nothing would show if they were mixed up
        for name, value in model.named_parameters():
            if value.dim() == 1:
                value.add_(torch.randn_like(value) * 0.2)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(folder)


def modules(folder, pooling, *, old=True, normalize=False, max_seq_length=None, prompts=None, default=None):
    prefix = "sentence_transformers.models." if old else "sentence_transformers.sentence_transformer.modules."
    rows = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalize else [])
    write(folder / "modules.json", [{"idx": i, "name": str(i), "path": p, "type": prefix + t} for i, (p, t) in enumerate(rows)])
    write(folder / "1_Pooling" / "config.json", pooling)
    if max_seq_length:
        write(folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})
    if prompts is not None:
        write(folder / "config_sentence_transformers.json",
              {"prompts": prompts, "default_prompt_name": default, "similarity_fn_name": None})


def flags(*names):
    keys = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    return {"word_embedding_dimension": 24, **{f"pooling_mode_{k}": k in names for k in keys},
            **{f"pooling_mode_{n}": True for n in names if n not in keys}}


def rename(folder, change):
    """Other names for the tensors of a folder, as older files have them."""
    path = folder / "model.safetensors"
    save_file({change(n): t.contiguous() for n, t in load_file(path).items()}, path, metadata={"format": "pt"})


def expect(folder, cases=({},)):
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    rows = []
    for case in cases:
        python = {k: v for k, v in case.items() if k in ("prompt", "prompt_name")}
        if "dimensions" in case:
            python["truncate_dim"] = case["dimensions"]
        if case.get("normalize"):
            python["normalize_embeddings"] = True
        vectors = model.encode(TEXTS, batch_size=4, **python)
        rows.append({"options": case, "embeddings": [[round(float(x), 6) for x in v] for v in vectors]})
    write(folder / "expected.json", {"max_seq_length": model.max_seq_length, "texts": TEXTS, "cases": rows})


def make_all():
    shutil.rmtree(ROOT, ignore_errors=True)

    f = ROOT / "mean_normalize"  # as all-MiniLM-L6-v2: no folder for the last module
    transformer(f, 1)
    modules(f, flags("mean_tokens"), normalize=True, max_seq_length=16)
    expect(f, [{}, {"dimensions": 7}, {"dimensions": 7, "normalize": True}])

    f = ROOT / "no_modules"  # a plain transformers folder with a head: prefix "bert.", tensors that are of no use
    transformer(f, 2, with_heads=True, hidden_act="relu")
    expect(f, [{}, {"normalize": True}])

    f = ROOT / "joined"  # several poolings, joined in the reference's order; the tanh form of GELU
    transformer(f, 3, hidden_act="gelu_new", layer_norm_eps=1e-5)
    modules(f, flags("mean_tokens", "cls_token", "max_tokens"))
    expect(f)

    f = ROOT / "joined_by_name"
    transformer(f, 4)
    modules(f, {"embedding_dimension": 24, "pooling_mode": ["lasttoken", "mean"]}, old=False)
    expect(f)

    f = ROOT / "prompts"
    transformer(f, 5, type_vocab_size=1)
    modules(f, {"embedding_dimension": 24, "pooling_mode": "lasttoken"}, old=False, normalize=True,
            prompts={"query": "find: ", "many": "the many people said: "}, default="query")
    expect(f, [{}, {"prompt_name": "many"}, {"prompt": "water "}, {"prompt": ""}])

    f = ROOT / "prompt_not_pooled"
    transformer(f, 6)
    modules(f, {**flags("weightedmean_tokens", "cls_token"), "include_prompt": False}, prompts={"query": "find this: "})
    expect(f, [{}, {"prompt_name": "query"}])

    f = ROOT / "mean_sqrt_len"
    transformer(f, 7, num_attention_heads=1)
    modules(f, flags("mean_sqrt_len_tokens"))
    expect(f)

    f = ROOT / "old_names"  # gamma and beta, as checkpoints of TensorFlow's time have them
    transformer(f, 8)
    modules(f, flags("cls_token"), max_seq_length=20)
    expect(f)
    rename(f, lambda n: n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))


HARD = ["", " ", "\n\t", "a", ".", "Hello, World!", "HELLO WORLD", "naïve café coöperate", "Ⅷ ﬁne ①②③", "東京に行きました。", "안녕하세요 세계",
        "Привет, мир! Как дела?", "مرحبا بالعالم", "नमस्ते दुनिया", "👩‍👩‍👧‍👦 family 🇩🇪 flag 🏽", "e\u0301 versus é", "zero\u200bwidth\u200djoin",
        "nul\x00byte", "tab\tnewline\ncarriage\rreturn", "a" * 99, "a" * 101, "word " * 400, "!" * 300, "1234567890 3.14159 1e-9 0xFF",
        "https://example.org/path?query=1&b=2#frag", "def f(x): return x ** 2  # comment", "The quick brown fox jumps over the lazy dog.",
        "unaffable antidisestablishmentarianism", "[CLS] [SEP] [MASK] [PAD] [UNK]", "don't can't won't it's", "Tiếng Việt có dấu",
        "\u202eright to left\u202c", "\ufeffbyte order mark", "Ꞌ Ａｆｕｌｌｗｉｄｔｈ", "A\u0301\u0323\u0302 stacked"]


def minilm(folder):
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    rng = random.Random(0)
    texts = HARD + [" ".join(rng.choice(WORDS) for _ in range(n)) for n in (3, 10, 40, 120, 300)]
    vectors = model.encode(texts, batch_size=1)
    write(ROOT / "minilm.json", {"texts": texts, "embeddings": [[round(float(x), 7) for x in v] for v in vectors]})


if __name__ == "__main__":
    make_all()
    if len(sys.argv) > 1:
        minilm(sys.argv[1])
