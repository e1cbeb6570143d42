#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times this project's tokenizers beside Hugging Face's `tokenizers`, alternating, and prints a table. See README.md.

    compare.py [--program PATH] [--rounds N] [--kilobytes N]

Run it with a Python that has `tokenizers` (and `sentencepiece` with `protobuf`, for the real map of characters).
"""

import argparse
import io
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SENTENCES = [
    "The library keeps instances of a model in memory and lends them out, one at a time; it doesn't copy weights!",
    "Thư viện giữ các mô hình trong bộ nhớ và cho mượn từng cái một, nên nhiều luồng cùng dùng được mà không chờ lâu.",
    "ライブラリはモデルをメモリに保持し、一度に一つずつ貸し出します。多くのスレッドが同時に使えます。",
    "该库将模型实例保存在内存中，每次借出一个，因此许多线程可以安全快速地使用少量昂贵的模型。",
    "تحتفظ المكتبة بنسخ النموذج في الذاكرة وتعيرها واحدة تلو الأخرى، لذلك يمكن لعدة خيوط استخدامها بأمان.",
    "लाइब्रेरी मॉडल को मेमोरी में रखती है और उन्हें एक-एक करके उधार देती है, ताकि कई थ्रेड उनका उपयोग कर सकें।",
    "Библиотека хранит экземпляры модели в памяти и выдаёт их по одному, поэтому потоки работают безопасно и быстро.",
    "Die Bibliothek hält Modelle im Speicher und verleiht sie einzeln; größere Mengen müssen nicht überall geöffnet werden.",
    "La bibliothèque garde les modèles en mémoire et les prête un à un : où est-ce que ça coûte ? À peine 0,5 ms.",
    "라이브러리는 모델을 메모리에 보관하고 한 번에 하나씩 빌려주므로 많은 스레드가 안전하게 사용할 수 있습니다.",
    "Kütüphane modelleri bellekte tutar ve teker teker ödünç verir; İstanbul'daki iş parçacıkları çok beklemez.",
    "Done 👍🏽 in 3.5 s — 👩‍👩‍👧 see https://example.com/a?b=c&d=e#f, “quoted” … ½ ™ №5 ﬁnally!",
]


def documentation():
    paths = sorted(ROOT.glob("docs/**/*.md")) + [ROOT / "README.md"]
    return [line.strip() for path in paths for line in path.read_text().splitlines() if len(line) > 40]


def lines_up_to(lines, size, random_source):
    result = []
    while size > 0:
        result.append(random_source.choice(lines))
        size -= len(result[-1].encode())
    return result


def mixed(random_source):
    """Paragraphs of one to four sentences, words of which are exchanged, so that they are not all alike."""
    paragraphs = []
    for _ in range(400):
        words = " ".join(random_source.choices(SENTENCES, k=random_source.randint(1, 4))).split()
        for _ in range(len(words) // 8):
            a, b = random_source.randrange(len(words)), random_source.randrange(len(words))
            words[a], words[b] = words[b], words[a]
        paragraphs.append(" ".join(words))
    return paragraphs


def charsmap():
    try:
        import sentencepiece
        from sentencepiece import sentencepiece_model_pb2 as proto
    except ImportError:
        return None
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello world ab abc"] * 20), model_writer=model, vocab_size=20, hard_vocab_limit=False, minloglevel=2)
    parsed = proto.ModelProto()
    parsed.ParseFromString(model.getvalue())
    return parsed.normalizer_spec.precompiled_charsmap


def models(texts):
    """Tokenizers of each kind, as common checkpoints lay them out, with vocabularies trained here."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    def trained(tokenizer, trainer):
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer()
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.decoder = decoders.WordPiece()
    yield "WordPiece", trained(wordpiece, trainers.WordPieceTrainer(vocab_size=8000, special_tokens=["[UNK]"], show_progress=False))

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    yield "BPE", trained(bpe, trainers.BpeTrainer(vocab_size=8000, initial_alphabet=alphabet, show_progress=False))

    unigram = Tokenizer(models.Unigram())
    if (bytes_of_map := charsmap()) is not None:
        unigram.normalizer = normalizers.Precompiled(bytes_of_map)
    unigram.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    unigram.decoder = decoders.Metaspace()
    yield "Unigram", trained(unigram, trainers.UnigramTrainer(vocab_size=8000, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))

    wordlevel = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    wordlevel.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    yield "WordLevel", trained(wordlevel, trainers.WordLevelTrainer(vocab_size=8000, special_tokens=["[UNK]"], show_progress=False))


def peer(folder, texts_file):
    """The other side of the comparison: answers as tokenizer_benchmark does. Its threads are set by the environment."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    texts = pathlib.Path(texts_file).read_text().split("\n")[:-1]
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)  # the fast one makes no offsets
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        encodings = encode(texts)
        seconds = time.perf_counter() - begin
        print(seconds, sum(len(e) for e in encodings), sum(sum(e.ids) for e in encodings), flush=True)


class Worker:
    def __init__(self, command, threads):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
        self.threads = threads
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.problem = self.process.stdout.readline().strip()

    def run(self):
        print(self.threads, file=self.process.stdin, flush=True)
        seconds, ids, total = self.process.stdout.readline().split()
        return float(seconds), int(ids), int(total)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(program, folder, texts_file, threads, rounds):
    ours = Worker([program, folder, texts_file], threads)
    theirs = Worker([sys.executable, __file__, "--peer", folder, texts_file], threads)
    try:
        if ours.problem != "ready":
            return ours.problem
        if ours.run()[1:] != theirs.run()[1:]:  # also warms both up
            return "other ids than those of tokenizers"
        times = [(ours.run()[0], theirs.run()[0]) for _ in range(rounds)]
        return [statistics.median(column) for column in zip(*times)], sorted(b / a for a, b in times)
    finally:
        ours.close()
        theirs.close()


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def compare(program, rounds, size):
    import tokenizers

    random_source = random.Random(1)
    kinds = {"English": documentation(), "mixed languages": mixed(random_source)}
    print(f"{processor()}, {os.cpu_count()} processors; tokenizers {tokenizers.__version__}; {rounds} rounds of {size} kB, medians\n")
    print("| model | text | threads | tokenizers MB/s | modelpool MB/s | ratio (least - most) |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as work:
        for name, tokenizer in models(kinds["English"] + kinds["mixed languages"]):
            tokenizer.save(f"{work}/tokenizer.json")
            for kind, lines in kinds.items():
                texts = lines_up_to(lines, size * 1000, random.Random(2))
                pathlib.Path(f"{work}/texts").write_text("".join(text + "\n" for text in texts))
                megabytes = sum(len(text.encode()) for text in texts) / 1e6
                for threads in (1, 2):
                    found = measure(program, work, f"{work}/texts", threads, rounds)
                    if isinstance(found, str):
                        print(f"| {name} | {kind} | {threads} | | {found} | |", flush=True)
                        continue
                    (ours, theirs), ratios = found
                    print(f"| {name} | {kind} | {threads} | {megabytes / theirs:.1f} | {megabytes / ours:.1f} "
                          f"| {statistics.median(ratios):.1f} ({ratios[0]:.1f} - {ratios[-1]:.1f}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=str(ROOT / "build-bench/benchmarks/tokenizer/tokenizer_benchmark"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kilobytes", type=int, default=400)
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(*options.peer)
    return compare(options.program, options.rounds, options.kilobytes)


if __name__ == "__main__":
    sys.exit(main())
