#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As make_fixtures.py, for tokenizers that come from SentencePiece, for WordLevel and MPNet.

    pip install transformers tokenizers sentencepiece protobuf && python3 make_sentencepiece_fixtures.py

The SentencePiece models are trained on the sentences of make_fixtures.py; they are kept, unless --train asks for new ones.
"""

import io
import json
import random
import sys
import tempfile
import unicodedata

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import import_protobuf

import make_fixtures as base

PROTO = import_protobuf()
LONG = [text for text in base.HARD if len(text) > 400]
TEXTS = [text for text in base.HARD if len(text) <= 400] + [
    "  two  spaces   three    four and one at the end ",
    "▁marks ▁of▁ spaces▁▁ in the text ▁",
    "ﬁﬂ e\u0301\u0323 a\u0301\u0301 \u0301 x\u200d\u0301y ™\x01g \x01™ ½\u00bc \r\n\t\r",
    "---------- ======= .......... aaaaaaaaaaaaa 11111111111111 ababababababab",
    "<s> </s> <unk> <pad> <mask> x<mask>y  <mask> <extra_id_0> <extra_id_99>x en_XX vi_VN eng_Latn [MASK] [CLS]",
    "<unk><unk>東<unk> 豈<unk>",
]


SHORT = TEXTS[::2] + TEXTS[-6:]


def rules():
    """What nmt_nfkc does to the characters of the texts, in small."""
    result = {}
    for text in TEXTS + LONG:
        for first, second in zip(text, text[1:] + "x"):
            for key in (first, first + second):
                value = unicodedata.normalize("NFKC", key)
                value = "".join(" " if c.isspace() else c for c in value if unicodedata.category(c) not in ("Cc", "Cf") or c.isspace())
                if value != key and (len(key) == 1 or len(value) == 1) and "\0" not in key:
                    result[key] = value
    return {key: value for key, value in result.items() if len(key) == 1 or value != result.get(key[0], key[0]) + result.get(key[1], key[1])}


def train(path, **options):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for key, value in rules().items():
            file.write(" ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in value) + "\n")
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(base.SENTENCES * 5 + TEXTS), model_writer=model, normalization_rule_tsv=file.name,
            character_coverage=0.99, minloglevel=2, num_threads=1, **options)
    path.parent.mkdir(exist_ok=True)
    proto = proto_of(model.getvalue())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # the name of a temporary file
    path.write_bytes(proto.SerializeToString(deterministic=True))


def model(name, **options):
    path = base.HERE / name
    if "--train" in sys.argv or not path.exists():
        train(path, **options)
    return path.read_bytes()


def proto_of(content):
    proto = PROTO.ModelProto()
    proto.ParseFromString(content)
    return proto


def pieces_of(content):
    return [(piece.piece, piece.score) for piece in proto_of(content).pieces]


def document(tokenizer, added=()):
    result = json.loads(tokenizer.to_str())
    result["added_tokens"] = list(added)
    return result


def unigram(pieces, unk_id=0, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unk_id, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


class Folder(base.Folder):
    def __init__(self, name, texts=TEXTS):
        kept = {path.name: path.read_bytes() for path in (base.HERE / name).glob("*.model")}
        super().__init__(name)
        for file, content in kept.items():
            (self.path / file).write_bytes(content)
        self.texts = list(texts)

    def binary(self, name, content):
        (self.path / name).write_bytes(content)
        return self


def plain_folders():
    """tokenizer.json read as it is."""
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    content = model("xlm-roberta-model/sentencepiece.bpe.model", model_type="unigram", vocab_size=500)
    pieces = pieces_of(content)
    ids = {piece: number for number, (piece, score) in enumerate(pieces)}
    specials = [base.token(1, "<s>"), base.token(2, "</s>")]

    tokenizer = unigram(pieces)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    yield Folder("unigram", TEXTS + LONG).write("tokenizer.json", document(tokenizer, specials)).write("tokenizer_config.json", config)

    # Scores that tie; bytes of what is unknown; a word is never cut before it reaches the model.
    random_source = random.Random(5)
    tied = [(piece, random_source.choice([-1.0, -2.5, -3.3, -1.1, -7])) for piece, score in pieces]
    tied += [(f"<0x{byte:02X}>", -20.0) for byte in range(256) if byte != 0xF0]
    tied += [("aa", -2.0000000000000001e0), ("aaa", -3.3000000000000003), ("--", -0.30000000000000004e1), ("ab", 1), ("ba", 1e0), ("", -1.5)]
    tokenizer = unigram(tied, byte_fallback=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    added = [base.token(len(tied), "<mask>", lstrip=True), base.token(len(tied) + 1, "東京", special=False, normalized=True)]
    yield Folder("unigram-bytes").write("tokenizer.json", document(tokenizer, added)).write("tokenizer_config.json", config)

    tokenizer = unigram(pieces)
    tokenizer.normalizer = normalizers.Precompiled(proto_of(content).normalizer_spec.precompiled_charsmap)
    old = document(tokenizer, specials)
    old["pre_tokenizer"] = {"type": "Metaspace", "replacement": "_", "add_prefix_space": False, "prepend_scheme": "never", "str_rep": "_"}
    old["decoder"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    yield Folder("unigram-charsmap").write("tokenizer.json", old).write("tokenizer_config.json", config)

    words = sorted({word for text in base.SENTENCES for word in text.split()})[::2]
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[CLS]"] + words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.BertPreTokenizer()])
    yield Folder("word-level").write("tokenizer.json", document(tokenizer, [base.token(1, "[CLS]")])).write("tokenizer_config.json", config)


def saved(name, source, **config):
    """The folder that transformers writes after reading another one: with a tokenizer.json."""
    folder = Folder(name, SHORT)
    AutoTokenizer.from_pretrained(base.HERE / source).save_pretrained(folder.path)
    content = json.loads((folder.path / "tokenizer_config.json").read_text())
    content.pop("name_or_path", None)
    return folder.write("tokenizer_config.json", {**content, **config})


def class_folders():
    """What transformers' classes make of a SentencePiece model alone, and of the tokenizer.json that they write."""
    fairseq = model("xlm-roberta-model/sentencepiece.bpe.model", model_type="unigram", vocab_size=500)
    yield Folder("xlm-roberta-model").binary("sentencepiece.bpe.model", fairseq).write("config.json", {"model_type": "xlm-roberta"})
    yield saved("xlm-roberta", "xlm-roberta-model")

    symbols = {"user_defined_symbols": ["<user>", "東京"], "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    spiece = model("t5-model/spiece.model", model_type="unigram", vocab_size=400, byte_fallback=False, **symbols)
    yield Folder("t5-model").binary("spiece.model", spiece).write("tokenizer_config.json", {"tokenizer_class": "T5TokenizerFast"})
    yield saved("t5", "t5-model", model_max_length=512)

    config = {"tokenizer_class": "MBartTokenizer", "src_lang": "vi_VN", "mask_token": "<mask>"}
    yield Folder("mbart-model", SHORT).binary("sentencepiece.bpe.model", fairseq).write("tokenizer_config.json", config)
    config = {"tokenizer_class": "MBart50Tokenizer", "additional_special_tokens": ["<mine>"]}
    yield Folder("mbart50-model", SHORT).binary("sentencepiece.bpe.model", fairseq).write("tokenizer_config.json", config)
    yield Folder("camembert-model", SHORT).binary("sentencepiece.bpe.model", fairseq).write(
        "config.json", {"model_type": "camembert"}).write("tokenizer_config.json", {"add_prefix_space": False})


def mpnet_folder():
    """MPNet's names of special tokens on a vocabulary of BERT's kind, and no other file."""
    names = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}
    lines = (base.HERE / "vocab-txt-uncased" / "vocab.txt").read_text().split("\n")[:700]
    vocabulary = "".join(names.get(line, line) + "\n" for line in lines)
    return Folder("mpnet-vocab-txt", SHORT + ["x<mask>y  <mask> <s> </s>[UNK] [CLS]"]).write("vocab.txt", vocabulary).write("config.json", {"model_type": "mpnet"})


def folders():
    yield mpnet_folder()
    yield from plain_folders()
    yield from class_folders()


def requests(texts, random_source):
    for text in texts:
        yield {"text": text}
    for text in texts[:16]:
        yield {"text": text, "add_special_tokens": False}
        yield {"text": text, "pair": random_source.choice(TEXTS), "max_length": random_source.randint(3, 60)}
        yield {"text": text, "max_length": random_source.randint(2, 12)}


def expected(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    random_source = random.Random(3)
    lines = []
    for request in requests(folder.texts, random_source):
        found = base.answer(tokenizer, request)
        if len(found["ids"]) < 200:
            found["tokens"] = tokenizer.convert_ids_to_tokens(found["ids"])
        lines.append({**request, **found})
    ids = sorted(tokenizer.get_vocab().values())
    lists = [line["ids"][:64] for line in lines[: len(folder.texts)]]
    lists += [[random_source.choice(ids) for _ in range(12)] for _ in range(40)]
    for number, some in enumerate(lists):
        skip = number % 2 == 1
        lines.append({"decode": some, "skip_special_tokens": skip, "text": tokenizer.decode(some, skip_special_tokens=skip)})
    return lines


def main():
    for folder in folders():
        lines = [json.dumps(line, ensure_ascii=True, separators=(",", ":")) for line in expected(folder)]
        folder.write("expected.jsonl", "\n".join(lines) + "\n")
        print(folder.path.name, len(lines))


if __name__ == "__main__":
    main()
