# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/torch: small checkpoints in the forms that torch.save has written them in, damaged and unwanted ones,
and expected.safetensors with the same tensors. Run it with torch and safetensors:

    python tests/scripts/make_torch_fixtures.py
"""
import collections
import io
import os
import pathlib
import pickle
import tarfile
import warnings
import zipfile

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent / "data" / "torch"
warnings.simplefilter("ignore")


def tensors():
    torch.manual_seed(0)
    base = torch.randn(4, 6)
    whole = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    state = collections.OrderedDict()
    for dtype in whole:
        state[f"type.{str(dtype)[6:]}"] = torch.randn(3, 2).to(dtype)
    for dtype in [torch.int64, torch.int32, torch.int16, torch.int8]:
        state[f"type.{str(dtype)[6:]}"] = torch.tensor([[-2, 100], [3, 0]], dtype=dtype)
    state["type.uint8"] = torch.tensor([200, 1, 0], dtype=torch.uint8)
    state["type.bool"] = torch.tensor([True, False, True])
    state["type.complex64"] = torch.complex(torch.randn(2), torch.randn(2))
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.empty(0, 4)
    state["tied.0"] = base
    state["tied.1"] = base
    state["view.row"] = base[2]
    state["view.transposed"] = base.t()
    state["view.columns"] = base[:, 1::2]
    state["view.expanded"] = base[0, :1].expand(3, 2)
    state["view.permuted"] = torch.arange(24, dtype=torch.float16).reshape(2, 3, 4).permute(2, 0, 1)
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    return state


def saved(value, **how):
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


def repacked(archive, compression=zipfile.ZIP_STORED, **changed):
    """The same files in a new archive; `changed` ones with other contents (None: left out)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for name in old.namelist():
            content = changed.get(name.split("/", 1)[1].replace(".", "_").replace("/", "_"), old.read(name))
            if content is not None:
                new.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def zip64(archive):
    zipfile.ZIP64_LIMIT, before = 0, zipfile.ZIP64_LIMIT
    try:
        return repacked(archive)
    finally:
        zipfile.ZIP64_LIMIT = before


def encrypted(archive):
    """Flagged as such; the contents do not matter."""
    data = bytearray(archive)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def without_folder(content):
    """The place where torch is installed, which such a file names, as something of the same length."""
    folder = str(pathlib.Path(torch.__file__).parent).encode()
    return content.replace(folder, b"/" + b"x" * (len(folder) - 1))


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil-was-here",)


def tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"\x80\x02N."))
    return buffer.getvalue()[:2048]


def script():
    class Double(torch.nn.Module):
        def forward(self, x):
            return x * 2

    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Double()), buffer)
    return buffer.getvalue()


def make_all():
    ROOT.mkdir(parents=True, exist_ok=True)
    for old in ROOT.iterdir():
        old.unlink()
    state = tensors()
    save_file({n: t.clone().contiguous() for n, t in state.items()}, ROOT / "expected.safetensors")
    (ROOT / "expected.safetensors").chmod(0o644)
    one = collections.OrderedDict(w=torch.tensor([1.0, 2.0]))
    small = saved(one)
    linear = torch.nn.Linear(2, 1)
    files = {
        # read
        "zip": saved(state),
        "zip_protocol_4": saved(state, pickle_protocol=4),
        "zip_dict": saved(dict(state)),
        "zip64": zip64(saved(state)),
        "stream": saved(state, _use_new_zipfile_serialization=False),
        "stream_protocol_4": saved(state, _use_new_zipfile_serialization=False, pickle_protocol=4),
        "parameters": saved(collections.OrderedDict(w=torch.nn.Parameter(torch.tensor([1.0, 2.0])))),
        "parameters_stream": saved({"w": torch.nn.Parameter(torch.tensor([1.0, 2.0]))}, _use_new_zipfile_serialization=False),
        "newer_types": saved({"w": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn), "u": torch.tensor([7], dtype=torch.uint16)}),
        # refused
        "compressed": repacked(small, zipfile.ZIP_DEFLATED),
        "encrypted": encrypted(small),
        "big_endian": repacked(small, byteorder=b"big"),
        "storage_missing": repacked(small, data_0=None),
        "storage_short": repacked(small, data_0=b"abcd"),
        "no_pickle": repacked(small, data_pkl=None),
        "call": saved({"w": torch.tensor([1.0]), "x": Evil()}),
        "call_stream": saved({"x": Evil()}, _use_new_zipfile_serialization=False),
        "module": saved(linear),
        "module_stream": without_folder(saved(linear, _use_new_zipfile_serialization=False)),
        "nested": saved({"state_dict": {"w": torch.tensor([1.0])}, "epoch": 3}),
        "tensor_alone": saved(torch.tensor([1.0])),
        "sparse": saved({"w": torch.eye(2).to_sparse()}),
        "plain_pickle": pickle.dumps({"w": 1}, protocol=2),
        "tar": tar(),
        "script": script(),
    }
    for name, content in files.items():
        (ROOT / f"{name}.bin").write_bytes(content)
    print(sum(f.stat().st_size for f in ROOT.iterdir()), "bytes in", len(files) + 1, "files")


if __name__ == "__main__":
    make_all()
