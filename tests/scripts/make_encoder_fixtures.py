# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/encoders: small random folders of every encoder architecture, each with variants (changed files, or
options of a request), and what sentence-transformers computes with them in float32. Run it with torch, transformers,
sentence-transformers and safetensors:

    python tests/scripts/make_encoder_fixtures.py [NAME ...]
"""
import collections
import json
import pathlib
import shutil
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parent.parent / "data" / "encoders"
WORDS = """the a of to and in is that it was for on are as with his they at be this from have or by one had not but what all
find use may water long little very after words called just where most know query passage""".split()
TEXTS = ["", "A little WORD, called by many!", " ".join(WORDS[:40])]
HIDDEN = 16


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n")


def word_piece(folder, specials, max_length=None, **more):
    """A WordPiece tokenizer whose special tokens are `specials`: start, padding, end, unknown; in the order of their ids."""
    start, pad, end, unknown = specials
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = list(specials) + WORDS + list(letters) + [f"##{c}" for c in letters] + list("!,:.")
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, pieces.index(start)), (end, pieces.index(end))])
    length = {} if max_length is None else {"model_max_length": max_length}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token=start, pad_token=pad, sep_token=end, unk_token=unknown,
                            **length, **more).save_pretrained(folder)
    return len(pieces)


BERT_SPECIALS = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def randomize(module):
    """Norms and biases of a new model are 1 and 0: nothing would show if they were mixed up."""
    with torch.no_grad():
        for value in module.parameters():
            if value.dim() == 1:
                value.add_(torch.randn_like(value) * 0.2)


def transformer(folder, kind, vocab_size, seed, **config):
    """Saves a random model: `kind` is its class in transformers."""
    torch.manual_seed(seed)
    cls = getattr(transformers, kind)
    sizes = dict(vocab_size=vocab_size, initializer_range=0.3, max_position_embeddings=48)
    sizes.update(dict(dim=HIDDEN, n_layers=2, n_heads=2, hidden_dim=28) if kind.startswith("Distil") else
                 dict(hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2, intermediate_size=28))
    model = cls(cls.config_class(**{**sizes, **config}))
    randomize(model)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def change_tensors(folder, rename=lambda n: n, dtype=None, more=None):
    """Rewrites the weights under other names, in another type, with tensors beside them."""
    path = folder / "model.safetensors"
    tensors = {rename(n): (t.to(dtype) if dtype else t).contiguous() for n, t in load_file(path).items()}
    save_file({**tensors, **(more or {})}, path, metadata={"format": "pt"})


def module_rows(*names, old=True):
    """modules.json: the folder's name says the type, but for the transformer's, which is "" """
    prefix = "sentence_transformers.models." if old else "sentence_transformers.sentence_transformer.modules."
    return [{"idx": i, "name": str(i), "path": n if i else "", "type": prefix + (n.split("_")[1] if i else "Transformer")}
            for i, n in enumerate(names)]


def dense(folder, name, n_in, n_out, activation="torch.nn.modules.activation.Tanh", bias=True, **more):
    config = {"in_features": n_in, "out_features": n_out, "bias": bias, "activation_function": activation, **more}
    write(folder / name / "config.json", config)
    tensors = {"linear.weight": torch.randn(n_out, n_in) * 0.3}
    if bias:
        tensors["linear.bias"] = torch.randn(n_out) * 0.2
    if more.get("use_residual") and n_in != n_out:
        tensors["residual.weight"] = torch.randn(n_out, n_in) * 0.3
    save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})
    return config


MODES = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
         "weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}


def flags(*names, **more):
    return {"word_embedding_dimension": HIDDEN, **{f"pooling_mode_{flag}": n in names for n, flag in MODES.items()}, **more}


def named(*names, **more):
    return {"embedding_dimension": HIDDEN, "pooling_mode": names[0] if len(names) == 1 else list(names), **more}


def pooling(**config):
    return {"1_Pooling/config.json": config}


def variant(name, files=None, options=None, remove=(), texts=None, length=True):
    row = {"name": name, "write": files, "remove": list(remove), "options": options, "texts": texts, "check_length": length}
    return {k: v for k, v in row.items() if v}


def compute(folder, row):
    """What sentence-transformers makes of a copy of the folder with the variant's changes."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = pathlib.Path(temporary) / "model"
        shutil.copytree(folder, copy)
        for name in row.get("remove", []):
            path = copy / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, value in row.get("write", {}).items():
            if name == "config.json":  # of this one, only what is changed is written down
                value = {**json.loads((copy / name).read_text()), **value}
            write(copy / name, value)
        model = SentenceTransformer(str(copy), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})
        model = model.float()
        options = dict(row.get("options", {}))
        if "dimensions" in options:
            options["truncate_dim"] = options.pop("dimensions")
        if options.pop("normalize", False):
            options["normalize_embeddings"] = True
        vectors = model.encode(row.get("texts", TEXTS), batch_size=4, **options)
        if row.pop("check_length", False):
            row["max_seq_length"] = model.max_seq_length
        row["embeddings"] = [[round(float(x), 5) for x in v] for v in vectors]
    return row


def finish(folder, variants):
    write(folder / "expected.json", {"texts": TEXTS, "variants": [compute(folder, v) for v in variants]})


def changed_config(**changes):
    return {"config.json": changes}


def fresh(name):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


ACTIVATIONS = ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_accurate", "quick_gelu", "relu", "silu",
               "swish", "tanh", "linear"]
DENSE_ACTIVATIONS = ["torch.nn.modules.linear.Identity", "torch.nn.modules.activation.ReLU", "torch.nn.modules.activation.GELU",
                     "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.activation.SiLU", "torch.nn.modules.activation.ELU",
                     "torch.nn.modules.activation.LeakyReLU"]


def make_bert():
    """BERT with every activation, every pooling and every order of modules."""
    f = fresh("bert")
    vocab = word_piece(f, BERT_SPECIALS, 40)
    transformer(f, "BertModel", vocab, 1, layer_norm_eps=1e-7, pad_token_id=1)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Dense", "6_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    write(f / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": True})
    config = dense(f, "2_Dense", HIDDEN, 12)
    dense(f, "3_Dense", 12, 8, "torch.nn.modules.linear.Identity", bias=False, use_residual=True)
    dense(f, "5_Dense", 12, 12, "torch.nn.modules.activation.Tanh", bias=False, use_residual=True)
    write(f / "4_LayerNorm" / "config.json", {"dimension": 12})
    save_file({"norm.weight": 1 + torch.randn(12) * 0.2, "norm.bias": torch.randn(12) * 0.2}, f / "4_LayerNorm" / "model.safetensors",
              metadata={"format": "pt"})
    plain = {"modules.json": module_rows("", "1_Pooling")}
    newer = {"modules.json": module_rows("", "1_Pooling", old=False)}
    prompts = {"config_sentence_transformers.json": {"prompts": {"query": "find: ", "empty": ""}, "default_prompt_name": "query",
                                                     "similarity_fn_name": "cosine"}}
    rows = [variant("as it is"), variant("cut", options={"dimensions": 5}),
            variant("cut and normalized", options={"dimensions": 5, "normalize": True}),
            variant("no modules", remove=["modules.json"]), variant("no limit", plain, remove=["sentence_bert_config.json"])]
    rows += [variant(a, {**plain, **changed_config(hidden_act=a)}) for a in ACTIVATIONS]
    rows += [variant(f"flag {m}", {**plain, **pooling(**flags(m))}) for m in MODES]
    rows += [variant(f"name {m}", {**newer, **pooling(**named(m))}) for m in MODES]
    rows += [variant("all flags", {**plain, **pooling(**flags(*MODES))}),
             variant("all names", {**newer, **pooling(**named(*reversed(list(MODES))))}),
             variant("no flag", {**plain, **pooling(word_embedding_dimension=HIDDEN, pooling_mode_mean_tokens=False)})]
    for m in MODES:
        rows.append(variant(f"prompt not pooled, {m}", {**plain, **pooling(**flags(m, include_prompt=False)), **prompts}))
    rows.append(variant("prompt of no text", {**plain, **prompts}, {"prompt_name": "empty"}))
    rows += [variant(f"Dense {a.split('.')[-1]}", {"2_Dense/config.json": {**config, "activation_function": a}})
             for a in DENSE_ACTIVATIONS]
    orders = [("2_Dense", "3_Dense"), ("2_Dense", "4_LayerNorm", "6_Normalize", "3_Dense"), ("6_Normalize", "2_Dense"),
              ("7_Dropout", "2_Dense", "5_Dense", "6_Normalize", "7_Dropout"), ("6_Normalize", "6_Normalize")]
    dropout = {"7_Dropout/config.json": {"dropout": 0.5}}
    rows += [variant(" ".join(o), {"modules.json": module_rows("", "1_Pooling", *o), **(dropout if "7_Dropout" in o else {})}) for o in orders]
    finish(f, rows)
    change_tensors(f, more={"embeddings.position_ids": torch.arange(48).unsqueeze(0)})


def make_bert_large_types():
    """Without a pooler, one token type, saved as float16 with a head and TensorFlow's names."""
    f = fresh("bert_float16")
    vocab = word_piece(f, BERT_SPECIALS, 1000000000000000019884624838656)
    transformer(f, "BertForTokenClassification", vocab, 2, type_vocab_size=1, pad_token_id=1)
    change_tensors(f, dtype=torch.float16)
    write(f / "modules.json", module_rows("", "1_Pooling"))
    write(f / "1_Pooling" / "config.json", flags("cls"))
    write(f / "config_sentence_transformers.json", {"prompts": {"query": "query: ", "passage": ""}, "default_prompt_name": None})
    finish(f, [variant("as it is"), variant("prompt", options={"prompt_name": "query"}),
               variant("max_seq_length null", {"sentence_bert_config.json": {"max_seq_length": None, "do_lower_case": False}})])
    change_tensors(f, lambda n: n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))


def make_roberta():
    f = fresh("roberta")
    vocab = word_piece(f, ROBERTA_SPECIALS, 46)
    transformer(f, "RobertaForMaskedLM", vocab, 3, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    padding = TEXTS + ["the <pad> water <pad><pad> is", "<pad>", " ".join(WORDS * 3)]
    other_pad = changed_config(pad_token_id=4)  # an ordinary word
    rows = [variant("as it is", texts=padding), variant("another padding token", {**other_pad, "sentence_bert_config.json": {"max_seq_length": 40}})]
    for name in ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]:
        rows.append(variant(f"sentence_{name}_config.json", {f"sentence_{name}_config.json": {"max_seq_length": 9, "do_lower_case": False}},
                            texts=TEXTS[-1:]))
    finish(f, rows)
    change_tensors(f, more={"roberta.embeddings.position_ids": torch.arange(48).unsqueeze(0)})


def make_xlm_roberta():
    f = fresh("xlm_roberta")
    vocab = word_piece(f, ROBERTA_SPECIALS, 46)
    transformer(f, "XLMRobertaModel", vocab, 4, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    write(f / "sentence_bert_config.json", {"max_seq_length": 46, "do_lower_case": False})
    camembert = changed_config(model_type="camembert", architectures=["CamembertModel"])
    finish(f, [variant("as it is"), variant("prompt", options={"prompt": "query: "}), variant("camembert", camembert)])


def make_mpnet():
    f = fresh("mpnet")
    vocab = word_piece(f, ["<s>", "<pad>", "</s>", "[UNK]"], 148)
    transformer(f, "MPNetForMaskedLM", vocab, 5, max_position_embeddings=150, pad_token_id=1)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    long = TEXTS + ["the <pad> water", " ".join(WORDS * 2), " ".join(WORDS * 4)]
    finish(f, [variant("as it is", texts=long)])


def make_distilbert():
    """As distiluse: a Dense module after the mean."""
    f = fresh("distilbert")
    vocab = word_piece(f, BERT_SPECIALS, 48)
    transformer(f, "DistilBertForMaskedLM", vocab, 6, sinusoidal_pos_embds=True, pad_token_id=1)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Dense"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    dense(f, "2_Dense", HIDDEN, 10)
    finish(f, [variant("as it is"), variant("relu", changed_config(activation="relu")),
               variant("a name of its own for the limit", {"sentence_distilbert_config.json": {"max_seq_length": 12}})])
    weights = f / "2_Dense" / "model.safetensors"
    torch.save(collections.OrderedDict(load_file(weights)), f / "2_Dense" / "pytorch_model.bin")
    weights.unlink()


HARD = ["", "the water", "A little WORD, called by many!", "  two  spaces \t and\ntabs ", "Xin chào nước", "水は 100 度で沸騰する", "naïve café", "e\u0301 👩‍👩‍👧 ½"]


def trained(model, trainer, pre_tokenizer):
    """A tokenizer trained on the words of this file, so that it has pieces of several letters."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator([" ".join(WORDS), *TEXTS, *HARD] * 3, trainer)
    return json.loads(tokenizer.to_str())["model"]


def make_roberta_bpe():
    """With the byte-level BPE that RoBERTa's folders have."""
    f = fresh("roberta_bpe")
    model = trained(models.BPE(), trainers.BpeTrainer(vocab_size=360, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
                    pre_tokenizers.ByteLevel(add_prefix_space=False))
    vocab = {**model["vocab"], "<mask>": len(model["vocab"])}
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    transformers.RobertaTokenizer(vocab=vocab, merges=merges, model_max_length=46).save_pretrained(f)
    transformer(f, "RobertaModel", len(vocab), 7, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    finish(f, [variant("as it is", texts=HARD)])


def make_xlm_roberta_unigram():
    """With the Unigram model that XLM-RoBERTa's folders have, as multilingual-e5."""
    f = fresh("xlm_roberta_unigram")
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    model = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=200, special_tokens=specials, unk_token="<unk>", show_progress=False),
                    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]))
    vocab = [(n, 0.0) for n in specials] + [(n, s) for n, s in model["vocab"] if n not in specials] + [("<mask>", 0.0)]
    transformers.XLMRobertaTokenizer(vocab=vocab, model_max_length=46).save_pretrained(f)
    transformer(f, "XLMRobertaModel", len(vocab), 8, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    write(f / "modules.json", module_rows("", "1_Pooling", "2_Normalize"))
    write(f / "1_Pooling" / "config.json", flags("mean"))
    finish(f, [variant("as it is", texts=HARD), variant("prompt", options={"prompt": "query: "}, texts=HARD)])


MAKERS = {"bert": make_bert, "bert_float16": make_bert_large_types, "roberta": make_roberta, "xlm_roberta": make_xlm_roberta,
          "mpnet": make_mpnet, "distilbert": make_distilbert, "roberta_bpe": make_roberta_bpe,
          "xlm_roberta_unigram": make_xlm_roberta_unigram}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
        print(name, sum(p.stat().st_size for p in (ROOT / name).rglob("*") if p.is_file()))
