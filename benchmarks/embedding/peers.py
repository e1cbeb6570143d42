# SPDX-License-Identifier: Apache-2.0
"""What modelpool is compared with: each entry of PEERS makes a function from texts to vectors of length 1.

Every peer gets the same texts, sorts them by length into batches of 16, and uses two threads: as one instance of two, or as
two of one, as its name says. Exports that a peer needs are made once, in the cache folder.
"""
import concurrent.futures
import os
import threading

import numpy as np

BATCH = 16
THREADS = 2


def _in_batches(texts, run):
    """run(batch) -> vectors, on batches of texts of like length; results in the order of the texts."""
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    out = [None] * len(texts)
    for at in range(0, len(order), BATCH):
        some = order[at:at + BATCH]
        for i, vector in zip(some, run([texts[i] for i in some])):
            out[i] = vector
    return out


def _on_instances(texts, run, instances):
    """The batches divided over `instances` threads, each with its share of every length."""
    if instances == 1 or len(texts) == 1:
        return _in_batches(texts, run)
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    shares = [[i for at in range(n * BATCH, len(order), instances * BATCH) for i in order[at:at + BATCH]]
              for n in range(instances)]
    out = [None] * len(texts)
    with concurrent.futures.ThreadPoolExecutor(instances) as pool:
        for share, vectors in zip(shares, pool.map(lambda s: _in_batches([texts[i] for i in s], run), shares)):
            for i, vector in zip(share, vectors):
                out[i] = vector
    return out


def _tokenizer(folder):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    return lambda texts: [e.ids for e in tokenizer.encode_batch(texts)]


def _padded(ids):
    width = max(map(len, ids))
    tokens = np.zeros((len(ids), width), np.int64)
    mask = np.zeros_like(tokens)
    for row, some in enumerate(ids):
        tokens[row, :len(some)] = some
        mask[row, :len(some)] = 1
    return {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}


def _pooled(hidden, ids, cls):
    for row, some in enumerate(ids):
        vector = hidden[row, 0] if cls else hidden[row, :len(some)].mean(0)
        yield vector / np.linalg.norm(vector)


def _export(folder, cache):
    """The transformer as ONNX, made once."""
    path = os.path.join(cache, "model.onnx")
    if not os.path.exists(path):
        import torch
        from transformers import AutoModel
        model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

        class Hidden(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, input_ids, attention_mask, token_type_ids):
                return self.model(input_ids=input_ids, attention_mask=attention_mask,
                                  token_type_ids=token_type_ids).last_hidden_state

        example = tuple(torch.ones(2, 9, dtype=torch.long) for _ in range(3))
        names = ["input_ids", "attention_mask", "token_type_ids"]
        torch.onnx.export(Hidden(), example, path, input_names=names, output_names=["hidden"], dynamo=False,
                          opset_version=17, dynamic_axes={n: {0: "batch", 1: "length"} for n in names + ["hidden"]})
    return path


def sentence_transformers(folder, cache, dtype, instances, cls):
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(THREADS // instances)
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": getattr(torch, dtype)})
    model.max_seq_length = 256
    return lambda texts: model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)


def ctranslate2(folder, cache, dtype, instances, cls):
    import ctranslate2 as ct2
    converted = os.path.join(cache, "ctranslate2")
    if not os.path.exists(converted):
        ct2.converters.TransformersConverter(folder).convert(converted)
    encoder = ct2.Encoder(converted, compute_type=dtype, inter_threads=instances, intra_threads=THREADS // instances)
    tokenize = _tokenizer(folder)

    def run(texts):
        ids = tokenize(texts)
        return _pooled(np.array(encoder.forward_batch(ids).last_hidden_state), ids, cls)
    return lambda texts: _on_instances(texts, run, instances)


def onnxruntime(folder, cache, dtype, instances, cls):
    import onnxruntime as ort
    path = _export(folder, cache)
    if dtype == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantized = os.path.join(cache, "model.int8.onnx")
        if not os.path.exists(quantized):
            quantize_dynamic(path, quantized, weight_type=QuantType.QInt8, per_channel=True,
                             use_external_data_format=os.path.getsize(path) > 1 << 30)
        path = quantized
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS // instances
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokenize = _tokenizer(folder)

    def run(texts):
        ids = tokenize(texts)
        return _pooled(session.run(["hidden"], _padded(ids))[0], ids, cls)
    return lambda texts: _on_instances(texts, run, instances)


def openvino(folder, cache, dtype, instances, cls):
    import openvino as ov
    model = ov.Core().compile_model(_export(folder, cache), "CPU", {
        "INFERENCE_PRECISION_HINT": dtype, "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": instances})
    tokenize = _tokenizer(folder)
    requests = threading.local()

    def run(texts):
        if not hasattr(requests, "own"):
            requests.own = model.create_infer_request()
        ids = tokenize(texts)
        return _pooled(requests.own.infer(_padded(ids))[0], ids, cls)
    return lambda texts: _on_instances(texts, run, instances)


_MAKERS = {
    "sentence-transformers float32": (sentence_transformers, "float32"),
    "sentence-transformers bfloat16": (sentence_transformers, "bfloat16"),
    "CTranslate2 float32": (ctranslate2, "float32"),
    "CTranslate2 int8": (ctranslate2, "int8"),
    "ONNX Runtime float32": (onnxruntime, "float32"),
    "ONNX Runtime int8": (onnxruntime, "int8"),
    "OpenVINO float32": (openvino, "f32"),
    "OpenVINO bfloat16": (openvino, "bf16"),
}
PEERS = tuple(_MAKERS)


def make(name, folder, cache, instances, cls):
    maker, dtype = _MAKERS[name]
    os.makedirs(cache, exist_ok=True)
    return maker(folder, cache, dtype, instances, cls)
