# SPDX-License-Identifier: Apache-2.0
"""Embeddings by modelpool and by what else computes them on a CPU, in one run, taking turns. See README.md.

    python benchmarks/embedding/embedding.py --modelpool build/modelpool --model FOLDER
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import peers
import texts

COUNT, SECONDS, CALLERS = 1024, 4.0, 30
QUESTIONS = ("throughput", "latency", "callers")


# ---- a peer, in a process of its own: one question a line comes in, its answer goes out

def measure(question, embed, instances):
    if question == "throughput":
        some = texts.mixed(COUNT)
        begin = time.perf_counter()
        embed(some)
        return {"value": COUNT / (time.perf_counter() - begin)}
    if question == "latency":
        return {"value": 1e3 * statistics.median(spans(embed, SECONDS))}
    turns = threading.BoundedSemaphore(max(instances, 1))
    taken, lock = [], threading.Lock()

    def caller():
        mine = []
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            begin = time.perf_counter()
            with turns:
                embed([texts.single()])
            mine.append(time.perf_counter() - begin)
        with lock:
            taken.extend(mine)

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"value": len(taken) / (time.perf_counter() - begin),
            "p99_ms": 1e3 * statistics.quantiles(taken, n=100)[98]}


def spans(embed, seconds):
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        embed([texts.single()])
        taken.append(time.perf_counter() - begin)
    return taken


def serve(arguments):
    embed = peers.make(arguments.serve, arguments.model, arguments.cache, arguments.instances, arguments.cls)
    embed(texts.mixed(64))
    embed([texts.single()])
    vector = [float(x) for x in embed([texts.single()])[0]]
    print(json.dumps({"vector": vector}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(line.strip(), embed, arguments.instances)), flush=True)


class Peer:
    def __init__(self, name, instances, arguments):
        self.name = f"{name}, {instances} × {peers.THREADS // instances} threads"
        command = [sys.executable, __file__, "--serve", name, "--model", arguments.model, "--cache", arguments.cache,
                   "--instances", str(instances)] + ["--cls"] * arguments.cls
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        self.vector = self.answer()["vector"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: run it alone with --serve to see why")
        return json.loads(line)

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- modelpool, by its command line

class Modelpool:
    def __init__(self, dtype, arguments):
        self.name = f"modelpool {dtype}"
        self.program, self.folder = arguments.modelpool, arguments.model
        self.options = ["--model", self.folder, "--dtype", dtype, "--max-length", "256", "--json"]
        self.texts = tempfile.TemporaryDirectory()
        some = texts.mixed(COUNT)
        self.once = self.write("once", some)
        self.twice = self.write("twice", some * 2)
        self.one = self.write("one", [texts.single()])
        self.vector = json.loads(self.run("embed", self.one, "--normalize"))["embedding"]

    def write(self, name, lines):
        path = os.path.join(self.texts.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def run(self, command, inputs, *options):
        return subprocess.run([self.program, command, *self.options, "--input", inputs, *options], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout

    def seconds(self, inputs):
        begin = time.perf_counter()
        self.run("embed", inputs)
        return time.perf_counter() - begin

    def ask(self, question):
        if question == "throughput":  # twice the texts minus once the texts: what starting and loading take drops out
            return {"value": COUNT / (self.seconds(self.twice) - self.seconds(self.once))}
        callers = CALLERS if question == "callers" else 1
        found = json.loads(self.run("bench", self.one, "--callers", str(callers), "--seconds", str(SECONDS)))
        if question == "latency":
            return {"value": found["latency_ms"]["p50"]}
        return {"value": found["requests_per_second"], "p99_ms": found["latency_ms"]["p99"]}

    def close(self):
        self.texts.cleanup()


# ---- the run

def bert_large(cache, tokenizer_folder):
    """A folder of the shape of BERT-large with random weights: time does not depend on their values."""
    folder = os.path.join(cache, "bert-large")
    if not os.path.exists(os.path.join(folder, "modules.json")):
        import shutil

        import torch
        from transformers import BertConfig, BertModel
        torch.manual_seed(0)
        shape = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
        BertModel(BertConfig(**shape), add_pooling_layer=False).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
            shutil.copy(os.path.join(tokenizer_folder, name), folder)
        os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
        with open(os.path.join(folder, "1_Pooling", "config.json"), "w", encoding="utf-8") as file:
            json.dump({"word_embedding_dimension": 1024, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, file)
        modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")]
        with open(os.path.join(folder, "modules.json"), "w", encoding="utf-8") as file:
            json.dump([{"idx": int(i), "name": i, "path": path, "type": "sentence_transformers.models." + kind}
                       for i, path, kind in modules], file)
    return folder


def versions():
    from importlib.metadata import PackageNotFoundError, version
    found = []
    for name in ("torch", "sentence-transformers", "ctranslate2", "onnxruntime", "openvino"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            pass
    return ", ".join(found)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        facts = dict(line.split(":", 1) for line in file if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
    return f"{facts.get('model name')}, {os.cpu_count()} CPUs ({', '.join(f for f in wanted if f in facts['flags'].split())})"


def report(question, subjects, answers):
    unit = {"throughput": f"{COUNT} mixed texts, texts/s", "latency": "one text of some 20 tokens, median, ms",
            "callers": f"{CALLERS} callers of one text each, requests/s (p99 of a request, ms)"}[question]
    first = statistics.median(a["value"] for a in answers[subjects[0].name])
    print(f"\n| {unit} | median [min..max] | {subjects[0].name} against it |\n|---|---|---|")
    for subject in subjects:
        values = [a["value"] for a in answers[subject.name]]
        middle = statistics.median(values)
        better = middle / first if question == "latency" else first / middle
        waits = [a["p99_ms"] for a in answers[subject.name] if "p99_ms" in a]
        p99 = f" (p99 {statistics.median(waits):.1f})" if waits else ""
        print(f"| {subject.name} | {middle:.4g} [{min(values):.4g}..{max(values):.4g}]{p99} | {better:.2f}× |", flush=True)


def compare(arguments):
    chosen = [p for p in peers.PEERS if not arguments.peers or any(w in p for w in arguments.peers.split(","))]
    subjects = [Modelpool(dtype, arguments) for dtype in arguments.dtypes.split(",")]
    for name in chosen:
        for instances in (1, 2):
            if instances == 2 and name.startswith("sentence-transformers"):
                continue  # one Python process runs one model: its lock allows no second
            try:
                subjects.append(Peer(name, instances, arguments))
            except RuntimeError as error:
                print(f"left out: {error}", file=sys.stderr)
    print(f"{processor()}, {platform.system()} {platform.release()}; {versions()}; {time.strftime('%Y-%m-%d')}; "
          f"{arguments.rounds} rounds, in turns")
    for subject in subjects:
        cosine = sum(a * b for a, b in zip(subject.vector, subjects[0].vector))
        if cosine < 0.97:
            print(f"{subject.name} computes something else: cosine {cosine:.4f}", file=sys.stderr)
    for question in arguments.questions.split(","):
        answers = {subject.name: [] for subject in subjects}
        for _ in range(arguments.rounds):
            for subject in subjects:
                answers[subject.name].append(subject.ask(question))
        report(question, subjects, answers)
    for subject in subjects:
        subject.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelpool", help="the program")
    parser.add_argument("--model", required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--bert-large", action="store_true", help="the shape of BERT-large, random weights, with that tokenizer")
    parser.add_argument("--dtypes", default="auto,float32", help="modelpool's")
    parser.add_argument("--peers", help="only those whose names contain one of these, separated by commas")
    parser.add_argument("--questions", default=",".join(QUESTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", default=os.path.join(tempfile.gettempdir(), "modelpool-benchmarks"))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--instances", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--cls", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments)
    if not arguments.modelpool:
        parser.error("--modelpool: the program, for example build/modelpool")
    os.makedirs(arguments.cache, exist_ok=True)
    if arguments.bert_large:
        arguments.model = bert_large(arguments.cache, arguments.model)
        arguments.cls = True
    arguments.cache = os.path.join(arguments.cache, "bert-large" if arguments.bert_large else "minilm")
    return compare(arguments)


if __name__ == "__main__":
    sys.exit(main())
