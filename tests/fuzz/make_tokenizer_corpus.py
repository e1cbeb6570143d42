#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first files of corpus/tokenizer_json and corpus/tokenize; what fuzzing found is beside them."""

import json
import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
NORMALIZER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
CLS, SEP, A = ({"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}})
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [CLS, A, SEP],
    "pair": [CLS, A, SEP, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
    "special_tokens": {
        "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [2, 2], "tokens": ["[SEP]", "[SEP]"]},
    },
}
VOCAB = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "hello": 3, "world": 4, "##s": 5, "a": 6, "##a": 7, "it": 8, "'": 9, "e": 10, "é": 11}


def token(id, content, **flags):
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"id": id, "content": content, **{name: flags.get(name, False) for name in names}}


def document(**parts):
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 20,
             "vocab": VOCAB}
    return {"version": "1.0", "added_tokens": [token(1, "[CLS]", special=True)], "normalizer": NORMALIZER,
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": TEMPLATE,
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}, "model": model, **parts}


BPE_VOCAB = {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "\u0120": 4, "\u0120a": 5, "<0xC3>": 6, "<0xA9>": 7, "##b": 8, "s</w>": 9}


def byte_pair(normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None, **options):
    model = {"type": "BPE", "unk_token": "<unk>", "vocab": BPE_VOCAB, "merges": [["a", "b"], "\u0120 a"], **options}
    return document(model=model, normalizer=normalizer, pre_tokenizer=pre_tokenizer, decoder=decoder, post_processor=post_processor,
                    added_tokens=[token(0, "<unk>", special=True), token(20, "it", normalized=True, rstrip=True)])


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def byte_pairs():
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    sequence = lambda kind, *parts: {"type": "Sequence", kind: list(parts)}
    replace = lambda pattern, content: {"type": "Replace", "pattern": pattern, "content": content}
    return {
        "bpe": byte_pair(),
        "bpe-byte-level": byte_pair(pre_tokenizer=level, decoder=level, post_processor=level, unk_token=None),
        "bpe-fallback": byte_pair(byte_fallback=True, fuse_unk=True, decoder=sequence(
            "decoders", replace({"String": "_"}, " "), {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 1})),
        "bpe-affixes": byte_pair(merges=[["a", "##b"]], continuing_subword_prefix="##", end_of_word_suffix="</w>",
                                 decoder={"type": "BPEDecoder", "suffix": "</w>"}),
        "bpe-dropout": byte_pair(dropout=0.5),
        "bpe-merge-unknown": byte_pair(merges=[["a", "c"]]),
        "bpe-merge-short": byte_pair(merges=[["a", "b"]], continuing_subword_prefix="##"),
        "bpe-merge-of-three": byte_pair(merges=["a b c"]),
        "bpe-roberta": byte_pair(pre_tokenizer=level, post_processor={
            "type": "RobertaProcessing", "sep": ["a", 1], "cls": ["b", 2], "trim_offsets": True, "add_prefix_space": False}),
        "bpe-steps": byte_pair(pre_tokenizer=level, post_processor=sequence("processors", level, TEMPLATE, level)),
        "bpe-normalizers": byte_pair(normalizer=sequence(
            "normalizers", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"},
            {"type": "Lowercase"}, {"type": "Nmt"}, {"type": "Prepend", "prepend": " "}, replace({"Regex": "a*"}, "e"),
            {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "ByteLevel"})),
        "bpe-splitters": byte_pair(pre_tokenizer=sequence(
            "pretokenizers", {"type": "CharDelimiterSplit", "delimiter": "x"}, {"type": "Digits", "individual_digits": True},
            {"type": "Punctuation", "behavior": "Contiguous"}, level, {"type": "Whitespace"},
            split("(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|(?<=a)b", "MergedWithNext"))),
        "regex-nested": byte_pair(pre_tokenizer=split("(" * 150 + "a" + ")" * 150)),
        "regex-large": byte_pair(pre_tokenizer=split("((a{900}){900}){900}")),
        "regex-empty-loops": byte_pair(pre_tokenizer=split("((((){1000}){1000}){1000}){1000}")),
        "regex-slow": byte_pair(pre_tokenizer=split("(a|aa)+(a|aa)+(a|aa)+(a|aa)+$")),
        "regex-sets": byte_pair(pre_tokenizer=split("[^a[^b&&[a-z]]\\p{^L}]++|[\\x{61}-\\u0066]*?z|\\b\\w|^a|b$|\\A|\\Z|(?>a+)b", "Removed", True)),
        "regex-refused": byte_pair(pre_tokenizer=split("(a)\\1")),
        "regex-cut-off": byte_pair(pre_tokenizer=split("[a-")),
    }


def write(folder, name, content):
    path = CORPUS / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tokenizer_json():
    documents = {
        "full": document(),
        "bare": document(normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None),
        "bert-processing": document(post_processor={"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}),
        "added-tokens": document(added_tokens=[
            token(20, "<l>", lstrip=True), token(21, "wörld", normalized=True, single_word=True), token(22, "S", normalized=True),
            token(23, " test", rstrip=True, special=True), token(24, "a", lstrip=True, rstrip=True)]),
        "truncation-left": document(truncation={"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}),
        "empty-prefix": document(model={"unk_token": "[UNK]", "continuing_subword_prefix": "", "max_input_chars_per_word": 3, "vocab": VOCAB}),
        "unsupported": document(normalizer={"type": "NFKC"}),
        "id-far-away": document(model={**document()["model"], "vocab": {"[UNK]": 4000000000}}),
        "vocab-of-wrong-type": document(model={**document()["model"], "vocab": {"[UNK]": [1]}}),
        "large-special-id": document(post_processor={"type": "BertProcessing", "sep": ["x", 2147483647], "cls": ["y", 7]}),
    }
    for name, value in {**documents, **byte_pairs()}.items():
        write("tokenizer_json", name, compact(value))
    for name, lines in {"": "a b\r\n\u0120 a\n", "-unknown": "a c\n", "-of-three": "a b c\n", "-empty-line": "a b\n\n", "-not-utf8": "\udcff a\n"}.items():
        write("tokenizer_json", "merges" + name, ("#version: 0.2\n" + lines).encode(errors="surrogateescape"))
    write("tokenizer_json", "bpe-of-roberta", compact(byte_pair()) + "\0" + compact(
        {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True, "mask_token": {"content": "<m>", "lstrip": True}}))
    config = {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False, "cls_token": {"content": "<s>", "lstrip": True},
              "added_tokens_decoder": {"1": token(1, "[CLS]", special=True)}, "additional_special_tokens": ["<x>"],
              "model_max_length": 1e30, "truncation_side": "left", "clean_up_tokenization_spaces": True}
    write("tokenizer_json", "with-config", compact(document()) + "\0" + compact(config))
    write("tokenizer_json", "vocab-txt", "[UNK]\n[CLS]\n[SEP]\nhello\nworld\r\n##s \n\né\n")
    write("tokenizer_json", "vocab-txt-with-config", "[UNK]\nhello\n\0" + compact(config))
    write("tokenizer_json", "vocab-txt-not-utf8", b"[UNK]\n\xff\n")
    write("tokenizer_json", "key-twice", '{"model":{"vocab":{"a":1}},"model":{"vocab":{"a":1,"a":2}}}')
    write("tokenizer_json", "nested", "{" + '"a":[' * 400)
    write("tokenizer_json", "cut-off", compact(document())[:-40])


def tokenize():
    texts = {
        "ascii": "Hello aab bab, it's a ab! <l> x  <r> [CLS]",
        "accents": "e\u0301 é wé WÉ We\u0301 \u0344\u0316 a\U0001d165\u0316\u302eb İ i\u0307",
        "asian": "東京 가각 ᄀ\u1161 㐀\U0002f800 ｶﾞ",
        "emoji": "👨‍👩‍👧 <l><r>  <r> 🏳️‍🌈",
        "control": "a\0b\x01\x7f\x85\u2028\u200b\ufeff\ue000\ufffd\U0010ffff",
        "long-word": "ab" * 40,
    }
    for number, (name, text) in enumerate(texts.items()):
        write("tokenize", name, bytes([number * 5 + 7, 1 if number % 2 else 0x17]) + text.encode())
    for name, tail in {"cut-off": b"ab\xf0\x9f", "surrogate": b"a\xed\xa0\x80", "overlong": b"\xc0\xaf", "lone": b"a\x80"}.items():
        write("tokenize", "not-utf8-" + name, b"\x07\x01" + tail)


if __name__ == "__main__":
    tokenizer_json()
    tokenize()
