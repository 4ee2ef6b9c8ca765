"""Mutations of pictures, archives, arrays and weights."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fuzz.texts import CANARY, PYTHON, SHELL, Mutator, changed, damage, damage_start, damaged, other_kind, replace


class Payload:
    """Makes the canary when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (SHELL,)


# --- pictures ---------------------------------------------------------------------------------------------------

SIZES = ((1, 1), (32, 32), (50, 20), (1, 100), (300, 3))
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "TGA", "PCX", "EPS", "PDF", "JPEG2000")
MODES = {"JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "RGBA", "P", "L", "LA", "1", "I;16"), "GIF": ("P", "L")}


def picture_bytes(rng: random.Random) -> bytes:
    """A picture of some format, mode and size, perhaps with strange extras, perhaps damaged."""
    kind = rng.choice(FORMATS[:5]) if rng.random() < 0.85 else rng.choice(FORMATS)
    mode, size = rng.choice(MODES.get(kind, ("RGB",))), rng.choice(SIZES)
    image = Image.effect_noise(size, 60).convert(mode) if mode != "I;16" else Image.new(mode, size)
    extras: dict[str, Any] = {}
    if kind in ("JPEG", "PNG", "WEBP") and rng.random() < 0.3:
        extras["exif"] = rng.choice((b"Exif\0\0MM\0*" + rng.randbytes(40), b"Exif\0\0", rng.randbytes(30)))
    if kind in ("JPEG", "PNG", "WEBP") and rng.random() < 0.2:
        extras["icc_profile"] = rng.choice((b"x" * 40_000, rng.randbytes(200)))
    if kind in ("GIF", "PNG", "WEBP") and rng.random() < 0.2:
        extras |= {"save_all": True, "append_images": [image.copy() for _ in range(rng.choice((1, 40)))]}
    if kind == "JPEG" and rng.random() < 0.3:
        extras["progressive"] = True
    stream = io.BytesIO()
    try:
        image.save(stream, kind, **extras)
    except (OSError, ValueError, TypeError, SystemError, struct.error):
        stream = io.BytesIO(rng.randbytes(100))
    data = stream.getvalue()
    if kind == "PNG" and rng.random() < 0.5:
        data = _png(data, rng)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        data = damaged(data, rng)
    return data


def picture(path: Path, rng: random.Random) -> None:
    """Put such a picture in a picture's place."""
    replace(path, picture_bytes(rng))


def _png(data: bytes, rng: random.Random) -> bytes:
    """Another header with a right checksum, or a chunk that unpacks to much."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    if rng.random() < 0.5:
        sides = (0, 1, 32, 3_000, 65_500, 2**31 - 1, 2**32 - 1)
        header = struct.pack(">IIBBBBB", rng.choice(sides), rng.choice(sides), rng.choice((1, 8, 16, 99)),
                             rng.choice((0, 2, 3, 4, 6, 9)), rng.choice((0, 1)), rng.choice((0, 1)), rng.choice((0,
                             1, 2)))  # fmt: skip
        return data[:8] + chunk(b"IHDR", header) + data[33:]
    packed = zlib.compress(bytes(rng.choice((1_000, 30_000_000))))
    extra = rng.choice((
        chunk(b"zTXt", b"a\0\0" + packed), chunk(b"iTXt", b"a\0\1\0\0\0" + packed), chunk(b"iCCP", b"a\0\0" + packed),
        chunk(b"acTL", struct.pack(">II", 2**31, 0)), chunk(b"fcTL", bytes(26)), chunk(b"pHYs", b""), chunk(b"gAMA",
        b"1"),
        chunk(b"tRNS", b"\1" * 300), chunk(b"PLTE", b"\1" * 770), chunk(b"IDAT", packed), chunk(b"eXIf", b"MM\0*"),
    ))  # fmt: skip
    return data[:33] + extra + data[33:]


# --- arrays -----------------------------------------------------------------------------------------------------

_HEADS = (
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (10**12, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 0), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 8), 'x': 1}", "{'descr': 5}", "{", "[" * 2_000, "(" * 9_000,
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 4), }",
    "{'descr': '<c8', 'fortran_order': False, 'shape': (4, 4), }",
    "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (2,), }", "{'descr': '', 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 8), }",
    "{'descr': '<M8[ns]', 'fortran_order': 0, 'shape': (2, 8)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 8), }",
    "{'descr': '|V4', 'fortran_order': False, 'shape': (2, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)*64, }", "9" * 5_000,
    "{'descr': '|S0', 'fortran_order': False, 'shape': (2**62, 2), }",
)  # fmt: skip


def array(path: Path, rng: random.Random) -> None:
    """Another header, other values, another shape, or a pickle in an array's place."""
    try:
        known = np.load(path)
    except Exception:  # noqa: BLE001 - damaged by another mutation
        return damage(path, rng)
    action = rng.choice(("head", "values", "values", "shape", "kind", "objects", "archive"))
    stream = io.BytesIO()
    if action == "head":
        head = rng.choice(_HEADS).encode()
        head += b" " * (-(len(head) + 11) % 64) + b"\n"
        version = rng.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
        size = struct.pack("<H" if version == b"\1\0" else "<I", len(head) % 65_536)
        stream.write(b"\x93NUMPY" + version + size + head + known.tobytes())
    elif action == "values" and known.size:
        known = known.copy()
        flat = known.reshape(-1)
        for _ in range(rng.choice((1, 1, 8))):
            flat[rng.randrange(flat.size)] = rng.choice((np.nan, np.inf, 0, 1e38, -1e38, 1e-45))
        if rng.random() < 0.3:
            known[rng.randrange(len(known))] = 0
        np.save(stream, known)
    elif action == "kind":
        np.save(stream, known.astype(rng.choice((np.float64, np.float16, np.int32, np.complex64, ">f4", "S4"))))
    elif action == "objects":
        np.save(stream, np.array([Payload()] * 3, dtype=object), allow_pickle=True)
    elif action == "archive":
        np.savez(stream, known, Payload() if rng.random() < 0.5 else known)
    else:
        np.save(
            stream,
            rng.choice((known[:0], known[:-1], known[:, :3], known[None], known.T, known.reshape(-1), known[0, 0])),
        )
    return replace(path, stream.getvalue())


ARRAY: tuple[Mutator, ...] = (array, array, array, array, damage, damage_start, other_kind)


# --- weights ----------------------------------------------------------------------------------------------------


def weights(path: Path, rng: random.Random) -> None:
    """Another header in a safetensors file, or values that aren't finite."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    try:
        head = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError):
        return damage_start(path, rng)
    if rng.random() < 0.25:
        body = bytearray(data[8 + size :])
        at = 4 * rng.randrange(max(len(body) // 4, 1))
        body[at : at + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), -1e38)))
        return replace(path, data[: 8 + size] + bytes(body))
    names = [name for name in head if name != "__metadata__"]
    name = rng.choice(names)
    action = rng.choice(("dtype", "shape", "offsets", "drop", "rename", "extra", "metadata", "any", "size"))
    if action == "dtype":
        head[name]["dtype"] = rng.choice(("F16", "F64", "I64", "BOOL", "X", "", "F8_E4M3"))
    elif action == "shape":
        head[name]["shape"] = rng.choice(([], [0], [2**40], [-1], head[name]["shape"][::-1], [*head[name]["shape"], 1]))
    elif action == "offsets":
        head[name]["data_offsets"] = rng.choice(
            ([0, 0], [0, 4], [4, 0], [2**62, 2**63], head[rng.choice(names)]["data_offsets"])
        )
    elif action == "drop":
        del head[name]
    elif action == "rename":
        head[rng.choice(("x", "../x", "\x1b[2J", name.upper()))] = head.pop(name)
    elif action == "extra":
        head["extra"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    elif action == "metadata":
        head["__metadata__"] = rng.choice(({"format": "pt"}, {"format": "x" * 9_999}, [], {"a": 1}, "x"))
    else:
        head = changed(head, rng)
    text = json.dumps(head).encode("utf-8", "surrogatepass")
    length = rng.choice((0, 1, 2**32, 2**63, len(text) + 1)) if action == "size" else len(text)
    return replace(path, struct.pack("<Q", length) + text + data[8 + size :])


def pickled_weights(path: Path, rng: random.Random) -> None:
    """Weights as torch pickles them, or a pickle that runs something, under the name that open_clip reads."""
    import torch
    from safetensors.torch import load

    target = path.with_name(
        rng.choice(("open_clip_pytorch_model.bin", "pytorch_model.bin", "open_clip_pytorch_model.pth"))
    )
    try:
        state = load(path.read_bytes())
    except Exception:  # noqa: BLE001 - damaged by another mutation
        state = {}
    path.unlink()
    stream = io.BytesIO()
    kind = rng.choice(("whole", "payload", "raw", "wrapped", "damaged"))
    if kind == "raw":
        stream.write(pickle.dumps(Payload(), protocol=rng.choice((0, 2, 4))))
    else:
        content: Any = {"payload": {**state, "x": Payload()}, "wrapped": {"state_dict": state, "epoch": "x"}}.get(
            kind, state
        )
        torch.save(content, stream, _use_new_zipfile_serialization=rng.random() < 0.7)
    data = stream.getvalue()
    target.write_bytes(damaged(data, rng) if kind == "damaged" else data)


def saved_state(path: Path, rng: random.Random) -> None:
    """Another content in a file of torch.save, or a pickle that runs something."""
    import torch

    try:
        known = torch.load(path, weights_only=True)
    except Exception:  # noqa: BLE001 - damaged by another mutation
        return damage(path, rng)
    if not isinstance(known, dict):  # of another mutation
        return damage(path, rng)
    stream = io.BytesIO()
    kind = rng.choice(("raw", "payload", "change", "change", "list"))
    if kind == "raw":
        stream.write(pickle.dumps(Payload()))
    elif kind == "change":
        part = rng.choice(list(known))
        value = known[part]
        if isinstance(value, dict) and value and rng.random() < 0.7:
            value[rng.choice(list(value))] = rng.choice(
                (None, "x", [], {}, torch.zeros(3), -1, 10**12, torch.full((2,), torch.nan))
            )
        else:
            known[part] = rng.choice((None, [], {}, "x", torch.zeros(2)))
        torch.save(known, stream)
    else:
        torch.save([known] if kind == "list" else {**known, "x": Payload()}, stream)
    return replace(path, stream.getvalue())


WEIGHTS: tuple[Mutator, ...] = (
    weights,
    weights,
    weights,
    pickled_weights,
    pickled_weights,
    damage,
    damage_start,
    other_kind,
)


# --- archives ---------------------------------------------------------------------------------------------------

_NAMES = (
    "0000.pyd", "0000.pickle", "0000.pth", "0000.npy", "0000.cls.gz", "../../x.jpg", "/etc/passwd", "0000.jpg",
    "0000.txt",
    "0000.json", "x" * 150, "\x1b[2J.jpg", "", ".", "..", "a/b/c.jpg", "0001.JPG", "0001.txt.gz", "0000..jpg", "é.jpg",
)  # fmt: skip
_TYPES = (
    b"0",
    b"\0",
    b"1",
    b"2",
    b"3",
    b"4",
    b"5",
    b"6",
    b"7",
    b"x",
    b"g",
    b"L",
    b"K",
    b"S",
    b"D",
    b"M",
    b"V",
    b"\xff",
)


def archive(path: Path, rng: random.Random) -> None:
    """Other members in a tar file: names, types, sizes, payloads; perhaps compressed."""
    try:
        with tarfile.open(path, "r:") as tar:
            known = [(member, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar if member.isreg()]
    except (tarfile.TarError, OSError, ValueError, MemoryError):  # a size that another mutation wrote
        return damage(path, rng)
    for _ in range(rng.choice((1, 1, 3))):
        _change_members(known, rng)
    stream = io.BytesIO()
    kind = rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
        for member, data in known:
            try:
                tar.fileobj.write(member.tobuf(kind, "utf-8", "surrogateescape"))  # type: ignore[union-attr]
            except (ValueError, OverflowError, struct.error):
                continue
            tar.fileobj.write(data + bytes(-len(data) % 512))  # type: ignore[union-attr]
    data = stream.getvalue()
    data = data if rng.random() < 0.8 else data[: rng.randrange(len(data) + 1)]
    packers: tuple[Callable[[bytes], bytes], ...] = (gzip.compress, bz2.compress, lzma.compress, _zipped)
    replace(path, rng.choice(packers)(data) if rng.random() < 0.2 else data)
    return None


def _change_members(known: list[tuple[tarfile.TarInfo, bytes]], rng: random.Random) -> None:
    action = rng.choice(("add", "size", "type", "data", "data", "name", "drop", "pax", "sparse", "repeat"))
    at = rng.randrange(len(known)) if known else 0
    if action == "add" or not known:
        member = tarfile.TarInfo(rng.choice(_NAMES))
        member.type, member.linkname = rng.choice(_TYPES), rng.choice(("", "/etc/passwd", "0000.jpg", "/dev/zero"))
        data = rng.choice((pickle.dumps(Payload()), b"", PYTHON.encode(), b"x" * 70_000, gzip.compress(bytes(10**6))))
        member.size = len(data)
        known.insert(at, (member, data))
        return
    member, data = known[at]
    if action == "size":
        member.size = rng.choice((0, 1, 2**33 - 1, 10**8, len(data) * 2, len(data) // 2))
    elif action == "type":
        member.type = rng.choice(_TYPES)
    elif action == "data":
        known[at] = (member, damaged(data, rng) if rng.random() < 0.5 else picture_bytes(rng))
        member.size = len(known[at][1])
    elif action == "name":
        member.name = rng.choice(_NAMES)
    elif action == "drop":
        del known[at]
    elif action == "pax":
        member.pax_headers = {
            rng.choice(("size", "path", "linkpath", "mtime", "GNU.sparse.map", "GNU.sparse.size", "charset")):
            rng.choice(("1", "-1", "99999999999999999999", "x", "0,1,2", "\x1b", "1e999", "../../x"))
        }  # fmt: skip
    elif action == "sparse":
        member.type = tarfile.GNUTYPE_SPARSE
    else:
        known[at:at] = [known[at]] * rng.choice((1, 150))


def _zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.tar", data)
    return stream.getvalue()


ARCHIVE: tuple[Mutator, ...] = (archive, archive, archive, archive, damage, damage_start, other_kind)


# --- folders ----------------------------------------------------------------------------------------------------


def strange_files(path: Path, rng: random.Random) -> None:
    """Do something to a folder: links, pipes, devices, folders for files, odd names, missing and empty files."""
    inside = sorted(item for item in path.rglob("*") if item.is_file() and not item.is_symlink())
    some = rng.choice(inside) if inside else path / "x"
    if some.is_dir():
        return
    action = rng.choice((
        "delete", "empty", "folder", "dangling", "elsewhere", "fifo", "device", "loop", "add", "subfolder", "many",
        "method",
        "suffix", "swap", "bytes name", "hidden", "large",
    ))  # fmt: skip
    if action in ("delete", "empty", "folder", "dangling", "elsewhere", "fifo", "device", "loop", "large"):
        some.unlink(missing_ok=True)
        _put(some, action)
    elif action == "add":
        (
            some.parent / rng.choice(("x.txt", "x" * 240, "\x1b[2J", "a\nb", "é" * 60, "-rf", "con.json", " "))
        ).write_bytes(b"x")
    elif action == "subfolder":
        (some.parent / "inner" / "more").mkdir(parents=True, exist_ok=True)
        (some.parent / "inner" / some.name).write_bytes(b"{}")
    elif action == "many":
        for number in range(rng.choice((21, 21, 21, 130))):
            path = some.parent / f"x{number}{some.suffix}"
            if not path.is_fifo():  # of an earlier mutation: to write to it would wait for ever
                path.write_bytes(b"")
    elif action == "method":
        for name in (
            "method.py",
            "__init__.py",
            "conftest.py",
            "modeling.py",
            "tokenizer_config.json",
            "sitecustomize.py",
        ):
            (some.parent / name).write_text(PYTHON if name.endswith(".py") else "{}")
    elif action == "suffix" and inside:
        some.rename(some.with_name(rng.choice((some.name + ".gz", some.stem, some.name.upper(), "0" + some.name))))
    elif action == "swap" and len(inside) > 1:
        other = rng.choice(inside)
        first, second = some.read_bytes(), other.read_bytes()
        replace(some, second)
        replace(other, first)
    elif action == "bytes name":
        with (some.parent / os.fsdecode(b"\xff\xfe.json")).open("wb") as stream:
            stream.write(b"{}")
    elif action == "hidden":
        (some.parent / rng.choice((".DS_Store", ".git", ".lock", "._x.json", ".salmubench-x.tmp"))).write_bytes(b"x")


def _put(path: Path, what: str) -> None:
    if what == "empty":
        path.write_bytes(b"")
    elif what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "large":  # a hole: the size of a bomb without its bytes
        with path.open("wb") as stream:
            stream.truncate(600 * 2**20)
    elif what != "delete":
        targets = {"dangling": "nowhere", "elsewhere": "/etc/passwd", "device": "/dev/zero", "loop": path.name}
        path.symlink_to(targets[what])


FOLDER: tuple[Mutator, ...] = (strange_files,)
assert CANARY in SHELL
