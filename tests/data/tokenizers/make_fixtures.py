#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer folders beside this script, and what transformers makes of hard text with each of them.

    pip install transformers tokenizers && python3 make_fixtures.py

Each folder gets an expected.jsonl: one request and its answer on each line. The vocabularies were trained on this
repository's own text and the sentences below, so that they are small; they are kept, unless --train asks for new ones.
"""

import json
import pathlib
import random
import shutil
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, doesn't it? It's 'quoted', isn't it! We've seen they're right ...",
    "Tiếng Việt: Tôi có thể ăn thủy tinh mà không hại gì. Đường phố Hà Nội đông đúc, ồn ào.",
    "日本語の文章です。東京都は日本の首都であり、カタカナやﾊﾝｶｸも使われます。",
    "العربية: أستطيع أكل الزجاج و هذا لا يؤلمني، مُدَرِّسٌ.",
    "हिन्दी: मैं काँच खा सकता हूँ, मुझे उस से कोई पीडा नहीं होती.",
    "한국어: 나는 유리를 먹을 수 있어요. 그래도 아프지 않아요",
    "ไทย: ฉันกินกระจกได้ แต่มันไม่ทำให้ฉันเจ็บ",
    "Русский: Я могу есть стекло, оно мне не вредит. Ёлка, йод.",
    "Ελληνικά: Μπορώ να φάω σπασμένα γυαλιά χωρίς να πάθω τίποτα. ΟΔΟΣ ΌΣΟΣ",
    "Türkçe: İstanbul'da IĞDIR ışık; Straße GROẞ ǅungla ﬁne ﬂow",
    "עברית: אני יכול לאכול זכוכית וזה לא מזיק לי. שָׁלוֹם",
    "中文：我能吞下玻璃而不伤身体。㐀㊀豈𠀀𪜀𫝀𫠠𬺰丽",
    "Emoji: 👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇻🇳 ☕️ ❤️‍🔥 1️⃣",
]

HARD = SENTENCES + [
    "",
    " ",
    "\t\n\r ",
    "\0",
    "a\0b\0\0c",
    "a\x01b\x7fc\x80d\x85e\x9ff\xadg\u0600h\u061ci\u06ddj\u070fk\u180el",
    "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffjoiner\u00a0nbsp\u202fnarrow\u3000ideographic\u1680ogham",
    "line\u2028separator\u2029paragraph\x0bvertical\x0cform",
    "private \ue000\uf8ff\U000f0000\U0010fffd use, not a character \ufffe\uffff, replaced \ufffd, unassigned \u0378\U000e0080",
    "tags \U000e0001\U000e0041\U000e007f and variations \ufe0e\ufe0f\U000e0100",
    "e\u0301 é e\u0323\u0302 e\u0302\u0323 ệ ệ q\u0307\u0323 q\u0323\u0307",
    "\u0301starts with a mark \u0344\u0316 \u0f73\u0f71 \u302e\u3099 \U0001d165\U0001d16d\U00016ff0 a\U0001d165\u0316\u302eb",
    "Hangul 가 각 힣 ᄀ ᄀ\u1161\u11a8 ㅎㅏㄴ ｶﾞ",
    "Å Å K K ℌ ﬃ ½ ² ① ㎏ ™ ſ ẛ̣ İ i̇ ı I",
    "𝕳𝖊𝖑𝖑𝖔 𐐀𐐨 𞤀𞤢 ꭰᏸᎠ ⴀႠᲐა ẞß ΑΙ\u0345 ᾳ",
    "#hash ##ing ##s [CLS] [SEP][MASK] [cls] [UNK]x [PAD]",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ¡¿§¶«»‹›—–‘’“”…‰′″ 、。〈〉《》「」・．？！ ؟،؛ ।॥ ՚ ᠂ ⸮ ⁇ ‿ ֿ־ ٪ ٭ 𐄀 𑁇 ⹁ ⹉ 𖺗",
    "+ < = > | ~ ^ $ ` ¢ £ ¤ ¥ ¦ ¨ © ¬ ® ¯ ° ± ´ ¸ × ÷ € № ∑ ← ☃",
    "x" * 100,
    "x" * 101,
    "é" * 100,
    "é" * 101,
    "東" * 300,
    "\u0301" * 300,
    "a" + "\u0301\u0323" * 60,
    "word" * 2000,
    "don't can't I'm he's we've you're o'clock rock 'n' roll . , ! ? ' s",
    "CamelCase HTTPServer std::vector<std::string_view> x=y+1; f(x)->g[0] 3.14e-10 0xDEADBEEF a_b_c",
    "http://example.com/?q=1&r=2#frag user@example.com C:\\temp\\file.txt /usr/lib/x86_64-linux-gnu",
]


def corpus():
    texts = []
    for suffix in ("*.hpp", "*.cpp", "*.cmake", "*.txt", "*.py"):
        texts += [path.read_text() for part in ("src", "include", "cmake") for path in (ROOT / part).rglob(suffix)]
    return texts + SENTENCES * 5


def train(normalizer, size, texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


def vocabulary(folder, normalizer, size):
    path = HERE / folder / "vocab.txt"
    if "--train" in sys.argv:
        return train(normalizer, size, corpus())
    return {name: number for number, name in enumerate(path.read_text().split("\n")[:-1])}


def token(id, content, special=True, single_word=False, lstrip=False, rstrip=False, normalized=False):
    return {
        "id": id,
        "content": content,
        "single_word": single_word,
        "lstrip": lstrip,
        "rstrip": rstrip,
        "normalized": normalized,
        "special": special,
    }


def bert(vocab, **options):
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [token(vocab[name], name) for name in SPECIAL]
    return document


class Folder:
    def __init__(self, name):
        self.path = HERE / name
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        self.texts = HARD

    def write(self, name, value):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=0)
        (self.path / name).write_text(text)
        return self

    def vocab_txt(self, vocab):
        return self.write("vocab.txt", "".join(f"{name}\n" for name in sorted(vocab, key=vocab.get)))

    def extra_texts(self, *texts):
        self.texts = list(texts) + self.texts
        return self


def folders():
    uncased = vocabulary("vocab-txt-uncased", normalizers.BertNormalizer(), 1600)
    cased = vocabulary("vocab-txt-cased", normalizers.BertNormalizer(lowercase=False), 1800)
    # The class of the plain reading of tokenizer.json.
    plain = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}

    yield (
        Folder("uncased")
        .write("tokenizer.json", bert(uncased))
        .write("tokenizer_config.json", {"do_lower_case": True, "model_max_length": 512, "tokenizer_class": "BertTokenizer"})
    )
    yield (
        Folder("cased")
        .write("tokenizer.json", bert(cased, lowercase=False))
        .write("tokenizer_config.json", {**plain, "model_max_length": 1e30, "clean_up_tokenization_spaces": True})
    )
    yield (
        # BertTokenizer lowercases where its configuration does not forbid it, whatever tokenizer.json says.
        Folder("cased-without-config")
        .write("tokenizer.json", bert(cased, lowercase=False))
        .write("config.json", {"model_type": "bert"})
    )
    yield (
        Folder("keep-accents")
        .write("tokenizer.json", bert(uncased, strip_accents=False, handle_chinese_chars=False))
        .write("tokenizer_config.json", {**plain, "truncation_side": "left"})
    )
    yield (
        Folder("strip-cased")
        .write("tokenizer.json", bert(cased, lowercase=False, strip_accents=True))
        .write("tokenizer_config.json", plain)
    )
    yield (
        Folder("unclean")
        .write("tokenizer.json", bert(uncased, clean_text=False))
        .write("tokenizer_config.json", plain)
    )

    odd = bert({name.replace("##", "@") if name.startswith("##") else name: i for name, i in uncased.items()})
    odd["model"].update(continuing_subword_prefix="@", max_input_chars_per_word=7, unk_token="[MASK]")
    odd["normalizer"] = None
    odd["decoder"] = {"type": "WordPiece", "prefix": "@", "cleanup": False}
    odd["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    odd["truncation"] = {"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    yield Folder("odd").write("tokenizer.json", odd)

    bare = bert(uncased)
    bare.update(normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None)
    yield Folder("bare").write("tokenizer.json", bare).extra_texts("the", "the ", "[CLS]the[SEP]")

    added = bert(uncased)
    size = len(uncased)
    added["added_tokens"] += [
        token(size, "<left>", lstrip=True),
        token(size + 1, "<right>", rstrip=True),
        token(size + 2, "<both>", special=False, lstrip=True, rstrip=True),
        token(size + 3, "word", special=False, single_word=True),
        token(size + 4, "<a>"),
        token(size + 5, "<a><b>"),
        token(size + 6, "Ünïcode", special=False, normalized=True),
        token(size + 7, "New York", special=False, normalized=True, single_word=True),
        token(size + 8, " spaced ", special=False),
        token(size + 9, "東京", special=False, normalized=True),
        token(size + 10, "\U0001f44d", lstrip=True, rstrip=True),
        token(size + 11, "SHOUT", special=True, normalized=True, rstrip=True),
    ]
    yield (
        Folder("added")
        .write("tokenizer.json", added)
        .write("tokenizer_config.json", plain)
        .extra_texts(
            "a <left> b  <left><left> c", "a <right>   b<right> <right>", "x  <both>  <left>  y <both><both> z",
            "word words sword word. (word) 'word' wordé éword word\u0301 word_ word\u200dword wordword 東word京 word",
            "<a><b><a><c><a><b", "ünïcode UNICODE Ünïcode u\u0308ni\u0308code unicodes", "New York new york NEW YORKER newyork",
            "a spaced b  spaced  c spaced", "x 👍   spaced é <right>   spaced \u00e9", "東京都 東 京 東京", "ok 👍 👍🏽 \u3000👍\u2003", "SHOUT  shout loud", "<A> <LEFT> WORD",
        )
    )

    yield (
        Folder("vocab-txt-uncased")
        .vocab_txt(uncased)
        .write("config.json", {"model_type": "distilbert"})
    )
    yield (
        Folder("vocab-txt-cased")
        .vocab_txt(cased)
        .write(
            "tokenizer_config.json",
            {
                "tokenizer_class": "BertTokenizerFast",
                "do_lower_case": False,
                "strip_accents": True,
                "tokenize_chinese_chars": False,
                "model_max_length": 128,
                "additional_special_tokens": ["<user>", "the"],
            },
        )
        .write("special_tokens_map.json", {"cls_token": "<s>", "sep_token": {"content": "</s>", "lstrip": True,
               "rstrip": False, "normalized": False, "single_word": False}, "mask_token": "[MASK]"})
        .write("added_tokens.json", {"late": size + 400, "Early Bird": size + 300, "<s>": size + 500})
        .extra_texts("<user>x <s> y </s> [CLS]", "Early Bird early bird late Late the then", "The the <USER>")
    )


def flat(encoding):
    return {
        "ids": encoding.ids,
        "type_ids": encoding.type_ids,
        "special": encoding.special_tokens_mask,
        "offsets": [list(pair) for pair in encoding.offsets],
    }


def requests(texts, random_source):
    for text in texts:
        yield {"text": text}
    for text in texts[:20]:
        yield {"text": text, "add_special_tokens": False}
        yield {"text": text, "pair": random_source.choice(texts)}
        yield {"text": text, "max_length": random_source.randint(2, 12)}
        yield {"text": text, "pair": random_source.choice(texts), "max_length": random_source.randint(3, 24)}
        yield {"text": text, "pair": random_source.choice(texts), "max_length": random_source.randint(1, 9),
               "add_special_tokens": False}


def answer(tokenizer, request):
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    if "max_length" in request:
        backend.enable_truncation(request["max_length"], direction=tokenizer.truncation_side)
    return flat(backend.encode(request["text"], request.get("pair"), add_special_tokens=request.get("add_special_tokens", True)))


def expected(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    random_source = random.Random(3)
    lines = []
    for request in requests(folder.texts, random_source):
        found = answer(tokenizer, request)
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
