#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As make_fixtures.py, for byte-pair tokenizers and the parts that come with them.

    pip install transformers tokenizers && python3 make_byte_pair_fixtures.py

Vocabularies and merges are trained on the sentences of make_fixtures.py; they are kept, unless --train asks for new ones.
"""

import json
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import make_fixtures as base

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
])
TEXTS = [text for text in base.HARD if len(text) <= 220] + [
    "  two  spaces   three    \n\n  lines\r\n \t tab ",
    "I'LL they'Ve DON'T we'rE 1234567 ³²¹ ٣٤٥ ½ x²y HTTPServer iPhone ǅungla/path/",
    "<s> x </s> y<mask> z  <mask>  <pad><unk> <|endoftext|>a <|startoftranscript|> b",
    "é<mask>é word words <user> hi",
]


def trained(path, model, **options):
    """The vocabulary and merges of a kept tokenizer.json or of a folder's files, or new ones."""
    file = base.HERE / path / "tokenizer.json"
    if "--train" not in sys.argv and file.exists():
        kept = json.loads(file.read_text())["model"]
        return kept["vocab"], [merge.split(" ") if isinstance(merge, str) else merge for merge in kept["merges"]]
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = options.pop("pre_tokenizer")
    tokenizer.train_from_iterator(base.SENTENCES * 3, trainers.BpeTrainer(show_progress=False, **options))
    found = json.loads(tokenizer.to_str())["model"]
    return found["vocab"], found["merges"]


def byte_level(special):
    return trained(
        "llama3",
        models.BPE(),
        pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False),
        vocab_size=450,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )


def document(vocab, merges, added=(), normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None, **model):
    tokenizer = Tokenizer(models.BPE(vocab, [tuple(merge) for merge in merges], **model))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, pre_tokenizer, decoder
    result = json.loads(tokenizer.to_str())
    result["added_tokens"] = list(added)
    result["post_processor"] = post_processor
    return result


def template(*pieces):
    return [{"Sequence": {"id": p, "type_id": t}} if p in "AB" else {"SpecialToken": {"id": p, "type_id": t}} for p, t in pieces]


def processing(vocab, single, pair):
    names = {piece["SpecialToken"]["id"] for piece in single + pair if "SpecialToken" in piece}
    tokens = {name: {"id": name, "ids": [vocab[name]], "tokens": [name]} for name in sorted(names)}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


class Folder(base.Folder):
    def __init__(self, name):
        super().__init__(name)
        self.texts = TEXTS[1::2] if name.startswith(("roberta", "gpt2", "whisper")) else TEXTS

    def vocab_and_merges(self, vocab, merges):
        lines = "".join(f"{left} {right}\n" for left, right in merges)
        return self.write("vocab.json", vocab).write("merges.txt", "#version: 0.2\n" + lines)


def folders():
    plain = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    special = ["<s>", "</s>", "<unk>", "<pad>", "<mask>"]
    vocab, merges = byte_level(special)
    named = [base.token(number, name) for number, name in enumerate(special)]
    bytes_of = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}

    yield (
        Folder("llama3")
        .write("tokenizer.json", document(
            vocab, merges, named + [base.token(len(vocab), "<user>", special=False, lstrip=True, normalized=True)],
            pre_tokenizer=pre_tokenizers.Sequence([
                pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
            decoder=decoders.ByteLevel(), ignore_merges=True,
            post_processor={"type": "Sequence", "processors": [
                bytes_of, processing(vocab, template(("<s>", 0), ("A", 0)), template(("<s>", 0), ("A", 0), ("<s>", 1), ("B", 1)))]}))
        .write("tokenizer_config.json", {**plain, "clean_up_tokenization_spaces": True})
    )
    o200k = document(
        vocab, merges, named, normalizer=normalizers.NFC(), decoder=decoders.ByteLevel(),
        pre_tokenizer=pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(O200K), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)]),
        post_processor={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False})
    o200k["model"]["merges"] = [" ".join(merge) for merge in merges]
    yield Folder("o200k").write("tokenizer.json", o200k).write("tokenizer_config.json", plain)

    yield (
        Folder("roberta")
        .write("tokenizer.json", document(
            vocab, merges, named[:4] + [base.token(4, "<mask>", lstrip=True)], normalizer=normalizers.Lowercase(),
            pre_tokenizer=pre_tokenizers.ByteLevel(), decoder=decoders.ByteLevel()))
        .write("tokenizer_config.json", {"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": True, "model_max_length": 64})
    )
    yield (
        Folder("roberta-files")
        .vocab_and_merges(vocab, merges)
        .write("config.json", {"model_type": "roberta"})
        .write("special_tokens_map.json", {"mask_token": {"content": "<mask>", "lstrip": True, "rstrip": False,
               "normalized": False, "single_word": False}, "sep_token": "</s>"})
    )
    yield (
        Folder("gpt2-files")
        .vocab_and_merges({**vocab, "<|endoftext|>": len(vocab)}, merges)
        .write("tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "truncation_side": "left",
               "clean_up_tokenization_spaces": True, "additional_special_tokens": ["<user>"]})
    )
    yield (
        Folder("whisper-files")
        .vocab_and_merges({**vocab, "<|endoftext|>": len(vocab)}, merges)
        .write("tokenizer_config.json", {"tokenizer_class": "WhisperTokenizer"})
        .write("added_tokens.json", {"<|startoftranscript|>": len(vocab) + 1, "<|notimestamps|>": len(vocab) + 2})
    )

    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    vocab, merges = trained("byte-fallback", models.BPE(unk_token="<unk>"), pre_tokenizer=pre_tokenizers.Metaspace(),
                            vocab_size=600, limit_alphabet=60, special_tokens=pieces)
    yield (
        Folder("byte-fallback")
        .write("tokenizer.json", document(
            vocab, merges, [base.token(number, name) for number, name in enumerate(pieces[:3])],
            normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
            decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
            post_processor=processing(vocab, template(("<s>", 0), ("A", 0)), template(("<s>", 0), ("A", 0), ("</s>", 0), ("B", 1))),
            unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        .write("tokenizer_config.json", plain)
    )
    vocab, merges = trained("suffix", models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), pre_tokenizer=pre_tokenizers.Whitespace(),
                            vocab_size=400, limit_alphabet=90, special_tokens=["<unk>"], end_of_word_suffix="</w>")
    yield (
        Folder("suffix")
        .write("tokenizer.json", document(
            vocab, merges, [base.token(0, "<unk>")], unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>",
            normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " "),
                                             normalizers.Strip(True, False)]),
            pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]),
            decoder=decoders.BPEDecoder("</w>")))
        .write("tokenizer_config.json", plain)
    )
    vocab, merges = trained("prefix", models.BPE(continuing_subword_prefix="##"), pre_tokenizer=pre_tokenizers.Whitespace(),
                            vocab_size=400, limit_alphabet=90, special_tokens=["<unk>"], continuing_subword_prefix="##")
    yield (
        Folder("prefix")
        .write("tokenizer.json", document(
            vocab, merges, [base.token(0, "<unk>")], continuing_subword_prefix="##",
            normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.NFC()]),
            pre_tokenizer=pre_tokenizers.Sequence([
                pre_tokenizers.CharDelimiterSplit("x"), pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits(),
                pre_tokenizers.Split(" ", "merged_with_next"), pre_tokenizers.Split(Regex(r"[A-Z]+"), "contiguous")]),
            decoder=decoders.WordPiece()))
        .write("tokenizer_config.json", plain)
    )


def main():
    for folder in folders():
        # With a limit below the number of special tokens, `tokenizers` does not cut at all; modelpool cuts all of the text.
        lines = [line for line in base.expected(folder) if len(line.get("ids", ())) <= line.get("max_length", 1 << 30)]
        lines = [json.dumps(line, ensure_ascii=True, separators=(",", ":")) for line in lines]
        folder.write("expected.jsonl", "\n".join(lines) + "\n")
        print(folder.path.name, len(lines))


if __name__ == "__main__":
    main()
