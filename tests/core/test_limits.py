"""Small files that would become large ones: refused before anything is decoded, with memory that is measured."""

from __future__ import annotations

import gzip
import io
import os
import resource
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from salmubench.core import pictures, reading, tables
from salmubench.core.errors import DatasetError, RecordError
from salmubench.dataset import layout
from salmubench.pretrain.samples import read_shard
from tiny import tiny_dataset

pytestmark = pytest.mark.stage


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("L" if kind == "PNG" else "RGB", (width, height)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (picture(2_700_000, 32), "pixels|times the other"), (picture(9_000, 9_000), "more than 67,108,864 pixels"),
        (picture(4_000, 30), "one side more than 100 times the other"), (b"%!PS-Adobe-3.0 EPSF-3.0\n", "none of JPEG"),
        (picture(50, 50)[:60], "Expected a picture"), (b"\0" * (pictures.BYTES + 1), "bytes, more than"),
        (picture(40, 40, "TIFF"), "none of JPEG"),
    ],
)  # fmt: skip
def test_pictures_that_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(DatasetError, match=said), pictures.open_picture(data, where="row 3") as image:
        image.load()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_at_the_limit(kind: str) -> None:
    with pictures.open_picture(picture(3_000, 30, kind), where="") as image:
        image.load()
        assert image.size == (3_000, 30)


def bomb(path: Path, text: str, rows: int) -> Path:
    """A small file whose column unpacks to rows × len(text)."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [text]).cast(pa.string())
    pq.write_table(pa.table({"text": column}), path, compression="zstd")
    return path


def test_tables_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="at most 4,000,000 rows"):
        tables.read_table(bomb(tmp_path / "rows.parquet", "x", 5_000_000), error=RecordError)
    with pytest.raises(RecordError, match="texts that unpack to 1,600,000,000 bytes"):
        tables.read_table(bomb(tmp_path / "texts.parquet", "x" * 16_000, 100_000), error=RecordError)
    assert (tmp_path / "texts.parquet").stat().st_size < 100_000
    with pytest.raises(RecordError, match="texts of more than 16,384 bytes"):
        tables.read_table(bomb(tmp_path / "long.parquet", "x" * 20_000, 3), error=RecordError)
    nested = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"text": [[1]]}), nested)
    with pytest.raises(RecordError, match="Expected texts and numbers"):
        tables.read_table(nested, error=RecordError)
    pq.write_table(pa.Table.from_arrays([pa.array(["x"])] * 2, names=["a", "a"]), nested)
    with pytest.raises(RecordError, match="columns of different names .* got 'a' twice"):
        tables.read_table(nested, error=RecordError)
    pq.write_table(pa.table({str(number): [1] for number in range(101)}), nested)
    with pytest.raises(RecordError, match="at most 100 columns"):
        tables.read_table(nested, error=RecordError)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(RecordError, match="not a file"):
            tables.read_table(path, error=RecordError)
        with pytest.raises(RecordError, match="not a file"):
            reading.read_json(path, error=RecordError)


@pytest.mark.parametrize("which", [[0], [0, 1]])
def test_names_of_columns_that_are_no_text(tmp_path: Path, which: list[int]) -> None:
    """A column's name stands in the schema and in its chunk."""
    path = tmp_path / "names.parquet"
    pq.write_table(pa.table({"column_x": ["a", "b"]}), path, store_schema=False)
    data = bytearray(path.read_bytes())
    places = [place for place in range(len(data)) if data[place:].startswith(b"column_x")]
    assert len(places) == 2
    for number in which:
        data[places[number] + 3] = 0xFF
    path.write_bytes(data)
    for columns in (None, ["column_x"]):
        with pytest.raises(RecordError, match=r"Expected .* at .*names\.parquet|UTF-8 in .*names\.parquet"):
            tables.read_table(path, error=RecordError, columns=columns)


def test_json_of_many_values() -> None:
    for data in (b"[" + b"[]," * reading.HOLDERS + b"0]", b"[" + b"1," * (reading.VALUES + 1) + b"0]"):
        with pytest.raises(RecordError, match="Expected JSON in here, got: more than"):
            reading.parse_json(data, where="here", error=RecordError, large=True)


HOSTILE = """
    import resource, sys
    from pathlib import Path
    from salmubench.dataset import layout
    from salmubench.core.errors import DatasetError
    dataset = layout.Dataset(Path(sys.argv[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        dataset.rows("retain_synth")
        for _ in dataset.images("retain_synth"):
            pass
    except DatasetError as error:
        print(error)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("image", "text", "rows", "said"),
    [(10, 16_000, 100_000, "texts that unpack"), (5_000_000, 10, 400, ""), (40_000_000, 10, 3, "pictures of at most")],
)
def test_a_dataset_that_would_take_gigabytes(image: int, text: int, rows: int, said: str, tmp_path: Path) -> None:
    """One row group in which a dictionary's one entry stands in every row: some kilobytes that unpack to gigabytes."""
    tiny_dataset(tmp_path / "dataset", identities=12, pictures=4, size=48)
    zeros = pa.array(np.zeros(rows, np.int32))
    data, words, name = (
        pa.DictionaryArray.from_arrays(zeros, pa.array([value], kind)).cast(kind)
        for value, kind in ((b"x" * image, pa.large_binary()), ("x" * text, pa.large_string()), ("x", pa.string()))
    )
    cells = pa.StructArray.from_arrays([data, name], ["bytes", "path"])
    table = pa.table({"image": cells, "text": words, "identity_id": pa.nulls(rows, pa.string()), "file_name": name})
    path = tmp_path / "dataset" / "data" / layout.shard_name("retain_synth", 0, 1)
    pq.write_table(table, path, compression="zstd", row_group_size=rows, dictionary_pagesize_limit=2**30)
    del table, cells, data, words, name
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HOSTILE), str(path.parents[1])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *messages, mebibytes = done.stdout.splitlines()
    assert path.stat().st_size < 1_000_000
    assert (said in messages[0]) if said else not messages
    assert int(mebibytes) < 700


def shard(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return path


def plain(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member, data


@pytest.mark.parametrize("target", ["nowhere", "0.jpg", "../../etc/passwd"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_in_shards_are_broken_pairs(kind: bytes, target: str, tmp_path: Path) -> None:
    link = tarfile.TarInfo("0.jpg")
    link.type, link.linkname = kind, target
    path = shard(tmp_path / "a.tar", [(link, b""), plain("0.txt", b"a")])
    with pytest.raises(DatasetError, match="link or device"):
        list(read_shard(path))


def test_shards_that_would_unpack_to_gigabytes(tmp_path: Path) -> None:
    def compressed(name: str, kind: bytes) -> Path:
        header = tarfile.TarInfo(name)
        header.size, header.type = 12 * 2**30, kind
        path = tmp_path / f"{name}.tar"
        with gzip.open(path, "wb", compresslevel=1) as stream:
            stream.write(header.tobuf(tarfile.GNU_FORMAT))
            for _ in range(64):
                stream.write(bytes(2**20))
        return path

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, kind in (("a.jpg", tarfile.REGTYPE), ("a.npy", tarfile.REGTYPE), ("x", tarfile.XHDTYPE),
                       ("l", tarfile.GNUTYPE_LONGNAME)):  # fmt: skip
        with pytest.raises(DatasetError, match="Expected a WebDataset shard"):
            list(read_shard(compressed(name, kind)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_many_headers_within_one_another(tmp_path: Path) -> None:
    header = tarfile.TarInfo.create_pax_global_header({"comment": "x"})
    (tmp_path / "deep.tar").write_bytes(header * 20_000 + bytes(1024))
    noted: list[DatasetError] = []
    assert list(read_shard(tmp_path / "deep.tar", noted.append)) == []


def test_compressed_shards_are_read(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", [plain("0.jpg", picture(8, 8, "JPEG")), plain("0.txt", b"hello")])
    (tmp_path / "b.tar").write_bytes(gzip.compress(path.read_bytes()))
    assert [sample.caption for sample in read_shard(tmp_path / "b.tar")] == ["hello"]


def test_long_captions_are_broken_pairs(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", [plain("0.jpg", b"x"), plain("0.txt", b"x" * 70_000)])
    with pytest.raises(DatasetError, match="caption of at most 65,536 bytes"):
        list(read_shard(path))
