"""Files of every format that is read, small and sound, and seeded ways of breaking them."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from steepest.data import read_checkpoint, read_columns, read_series
from steepest.inference.synapses.request import Request

SIZES = np.exp(np.random.default_rng(0).standard_normal((12, 2)))
IDS = [f"s{i}" for i in range(12)]
NAMES = ("id", "before", "after")


def rows(mark: str = ",", decimal: str = ".") -> str:
    lines = [mark.join(NAMES)]
    for name, pair in zip(IDS, SIZES.tolist(), strict=True):
        lines.append(mark.join([name, *(f"{size:.4f}".replace(".", decimal) for size in pair)]))
    return "\n".join(lines) + "\n"


def in_memory(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def npz(packed: bool = False, **arrays: object) -> bytes:
    save = np.savez_compressed if packed else np.savez
    return in_memory(lambda file: save(file, **arrays))


def zipped(**members: bytes) -> bytes:
    def write(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return in_memory(write)


def records() -> np.ndarray:
    return np.asarray(np.rec.fromarrays([IDS, *SIZES.T], names=",".join(NAMES)))


def workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(NAMES)
    for name, pair in zip(IDS, SIZES.tolist(), strict=True):
        book.active.append([name, *pair])
    return in_memory(book.save)


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": IDS, "before": SIZES[:, 0], "after": SIZES[:, 1]})
    return in_memory(lambda file: pq.write_table(table, file))


def nwb(*, matrix: bool = False) -> bytes:
    """A DynamicTable as pynwb writes it, in as much of an NWB file as makes it one."""

    def write(file: io.BytesIO) -> None:
        with h5py.File(file, "w") as content:
            content.attrs["nwb_version"] = "2.8.0"
            table = content.create_group("acquisition/synapses")
            columns = (
                {"id": IDS, "size": SIZES}
                if matrix
                else dict(zip(NAMES, (IDS, *SIZES.T), strict=True))
            )
            table.attrs["colnames"] = list(columns)
            for name, values in columns.items():
                table[name] = values

    return in_memory(write)


def matlab() -> bytes:
    import scipy.io

    content = {"id": np.array(IDS, dtype=object), "before": SIZES[:, 0], "after": SIZES[:, 1]}
    return in_memory(lambda file: scipy.io.savemat(file, content, do_compression=True))


def matlab_73() -> bytes:
    def write(file: io.BytesIO) -> None:
        with h5py.File(file, "w", userblock_size=512) as content:
            for name, values in zip(NAMES[1:], SIZES.T, strict=True):
                content[name] = values[:, None]
                content[name].attrs["MATLAB_class"] = np.bytes_("double")

    content = in_memory(write)
    return b"MATLAB 7.3 MAT-file".ljust(512, b" ") + content[512:]


def torch_file(*, old: bool = False) -> bytes:
    import torch

    weights = {"w": torch.ones(3, 4), "b": torch.zeros(4)}
    return in_memory(lambda file: torch.save(weights, file, _use_new_zipfile_serialization=not old))


def safetensors() -> bytes:
    from safetensors.numpy import save

    return save({"w": np.ones((3, 4)), "b": np.zeros(4)})


def state() -> bytes:
    return npz(step=3, weights=np.ones((2, 3)), traces=np.zeros((2, 2, 3)), engine_key=np.zeros(4))


def series() -> bytes:
    table = np.column_stack([np.arange(12) / 10, SIZES])
    lines = "\n".join(",".join(f"{x:.4f}" for x in row) for row in table.tolist())
    return f"time,a,b\n{lines}\n".encode()


STUDY = b"""figure = "galtier2013.fig4"
seeds = [0, 3]
draw_count = 2

[draw]
duration = {low = 1.0, high = 2.0}
"""
ASKED = b"""sessions = ["day0", "day4", "day8"]
times = [0, 4.5, 8]
group = "dendrite"
absent = "empty"
detection-limit = 0.1
"""


def columns(path: Path) -> object:
    return read_columns(path, ["before", "after"], labels=["id"], missing=True)


def numbered(path: Path) -> object:
    return read_columns(path, [0, 1])


def saved_state(path: Path) -> object:
    from steepest.spiking import State

    return State.load(path)


def study(path: Path) -> object:
    from steepest.sweep.plan import read_plan

    return read_plan(path)


def slurm(path: Path) -> object:
    from steepest.sweep.cluster import read_slurm

    return read_slurm(path)


def spikes(path: Path) -> object:
    from steepest.spiking.trains import read_spike_trains

    return read_spike_trains(path, size=3, duration=1.0)


def images(path: Path) -> object:
    from steepest.papers.pogodin2024._networks import images_of

    return images_of(path)


LIST = [dict(zip(NAMES, (i, *s), strict=True)) for i, s in zip(IDS, SIZES.tolist(), strict=True)]
FORMATS: dict[str, tuple[Callable[[], bytes], Callable[[Path], object]]] = {
    "csv": (lambda: rows().encode(), columns),
    "tsv": (lambda: rows("\t").encode(), columns),
    "semicolons": (lambda: rows(";", ",").encode(), columns),
    "blanks": (lambda: rows(" ").encode(), columns),
    "quotes": (lambda: ('"' + rows('","').replace("\n", '"\n"')[:-1]).encode(), columns),
    "bom": (lambda: rows().encode("utf-8-sig"), columns),
    "utf-16": (lambda: rows().encode("utf-16"), columns),
    "latin-1": (lambda: (rows() + "µ,1,2\n").encode("latin-1"), lambda p: columns(p)),
    "comments and sep": (lambda: b"sep=,\n# mouse 3\n" + rows().encode(), columns),
    "no header": (lambda: rows().partition("\n")[2].encode(), lambda p: read_columns(p, [1, 2])),
    "json records": (lambda: json.dumps(LIST).encode(), columns),
    "json lines": (lambda: "\n".join(map(json.dumps, LIST)).encode(), columns),
    "npy": (lambda: in_memory(lambda f: np.save(f, SIZES)), numbered),
    "npy of records": (lambda: in_memory(lambda f: np.save(f, records())), columns),
    "npz": (lambda: npz(id=IDS, before=SIZES[:, 0], after=SIZES[:, 1]), columns),
    "npz, packed": (lambda: npz(True, id=IDS, before=SIZES[:, 0], after=SIZES[:, 1]), columns),
    "gzip": (lambda: gzip.compress(rows().encode(), mtime=0), columns),
    "bzip2": (lambda: bz2.compress(rows().encode()), columns),
    "xz": (lambda: lzma.compress(rows().encode()), columns),
    "zip": (lambda: zipped(**{"sizes.csv": rows().encode()}), columns),
    "excel": (workbook, columns),
    "parquet": (parquet, columns),
    "nwb": (nwb, columns),
    "nwb of sessions": (lambda: nwb(matrix=True), lambda p: read_columns(p, ["size.0", "size.1"])),
    "matlab 5": (matlab, columns),
    "matlab 7.3": (matlab_73, lambda path: read_columns(path, ["before", "after"])),
    "series": (series, read_series),
    "torch": (torch_file, read_checkpoint),
    "torch, old": (lambda: torch_file(old=True), read_checkpoint),
    "safetensors": (safetensors, read_checkpoint),
    "npz of weights": (lambda: npz(w=np.ones((3, 4)), b=np.zeros(4)), read_checkpoint),
    "saved state": (state, saved_state),
    "images": (lambda: npz(images=np.ones((2, 1, 4, 4)), labels=np.arange(2)), images),
    "study": (lambda: STUDY, study),
    "columns in TOML": (lambda: ASKED, lambda path: Request.from_toml(path, {})),
    "slurm": (lambda: b'jobs = 1\ncores = 2\nmemory = "2GB"\n', slurm),
    "spikes": (lambda: b"# afferent time\n0, 0.1\n1, 0.4\n0, 0.2\n", spikes),
}
"""How each format is made, and the door that reads it."""

MARKS = [
    b"\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80\x04", b"1e999", b"-1",
    b"9" * 30, b"nan", b"1_000", b'"', b"\n\n", b"\r", b",,,,", b"#", b"[[[[", b"{", b"(1,)*9**9",
    b"\xef\xbb\xbf", b"\xff\xfe", b"'" * 3, b"\x1b[31m", b"=", b".",
]  # fmt: skip


def broken(content: bytes, random: np.random.Generator) -> bytes:
    """The content after one to three changes: bytes flipped, cut, doubled, moved or put in.

    A zip file is changed as it is, or in one member and packed anew, so that its sums are right.
    """
    if content.startswith(b"PK\x03\x04") and random.random() < 0.7:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = list(members)[random.integers(len(members))]
        return zipped(**(members | {name: broken(members[name], random)}))
    if content.startswith(b"\x1f\x8b") and random.random() < 0.7:
        return gzip.compress(broken(gzip.decompress(content), random), mtime=0)
    for _ in range(random.integers(1, 4)):
        content = _changed(content, random)
    return content


def _changed(content: bytes, random: np.random.Generator) -> bytes:
    size = len(content)
    first, last = sorted(random.integers(0, size + 1, size=2).tolist())
    near = min(first + int(random.integers(1, 9)), size)
    mark = MARKS[random.integers(len(MARKS))]
    changes = [
        lambda: (
            content[:first]
            + bytes(random.integers(0, 256, 1, dtype=np.uint8))
            + content[first + 1 :]
        ),
        lambda: (
            content[:first]
            + bytes(b ^ (1 << int(random.integers(8))) for b in content[first : first + 1])
            + content[first + 1 :]
        ),
        lambda: content[:first],
        lambda: content[:first] + content[near:],
        lambda: content[:first] + content[last:],
        lambda: content[:last] + content[first:],
        lambda: content[:first] + mark + content[first:],
        lambda: content[:first] + mark + content[first + len(mark) :],
        lambda: content[:first] + bytes(near - first) + content[near:],
        lambda: content[last:] + content[first:last] + content[:first],
    ]
    return changes[random.integers(len(changes))]()
