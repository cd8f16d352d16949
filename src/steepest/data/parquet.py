"""Tables in Parquet, of which only the columns that are asked for are read.

A file of 100 KB may stand for gigabytes: a text is kept once for all rows that repeat it. Texts
are read as they are kept, and a row is as many bytes as its numbers.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.opening import check_size, read_all, refusing
from steepest.data.table import MOST_COLUMNS, ArrayTable
from steepest.errors import DataError

__all__ = ["parquet_table"]

_BROKEN = "begins like Parquet but cannot be read"
_NUMBER = 8  # bytes


@dataclass(frozen=True)
class _Stored:
    """A column that was not read yet."""

    place: int
    rows: int

    def __len__(self) -> int:
        return self.rows


def parquet_table(path: Path, file: io.BufferedIOBase) -> ArrayTable:
    """The columns of a Parquet file. Raises DataError for what is none, or unpacks to too much.

    A null among numbers is NaN, which is then named with its row; among texts it is an empty cell.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            f'{path} is Parquet, which needs one more package: pip install "steepest[io]"'
        ) from error
    content = pa.BufferReader(read_all(path, file))
    with refusing(path, _BROKEN):
        told = pq.ParquetFile(content).metadata
        if told.num_columns > MOST_COLUMNS:
            raise DataError(
                f"{path} has {told.num_columns:,} columns: a table has one synapse a row"
            )
        sizes = [told.row_group(at).total_byte_size for at in range(told.num_row_groups)]
        check_size(path, max(sum(sizes), _NUMBER * told.num_rows), "unpacks to")
        leaves = [told.schema.column(at) for at in range(told.num_columns)]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        source = pq.ParquetFile(content, read_dictionary=texts)
        names = list(source.schema_arrow.names)

    @lru_cache(maxsize=2)
    def convert(column: _Stored) -> np.ndarray:
        kind = source.schema_arrow.types[column.place]
        if pa.types.is_nested(kind):
            return np.empty((column.rows, 0))  # no column of numbers or texts: nothing is read
        if pa.types.is_fixed_size_binary(kind):
            check_size(path, kind.byte_width * column.rows, "unpacks to")
        name = names[column.place]
        same = [place for place, other in enumerate(names) if other == name]
        with refusing(path, _BROKEN):
            return _array(source.read(columns=[name]).column(same.index(column.place)), pa)

    stored = [_Stored(place, told.num_rows) for place in range(len(names))]
    return ArrayTable(names, True, stored, path, convert)


def _array(column: Any, pa: Any) -> np.ndarray:
    numeric = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
    listed = pa.types.is_dictionary(column.type)
    kind = column.type.value_type if listed else column.type
    if any(test(kind) for test in numeric):
        return column.cast(kind).cast(pa.float64()).to_numpy()
    if not listed:
        return column.to_numpy()
    column = column.unify_dictionaries()
    parts = [np.empty(0, dtype=object)]
    for part in column.chunks:
        # One text for all rows that repeat it; the last is an empty cell's.
        texts = np.append(part.dictionary.to_numpy(zero_copy_only=False), "").astype(object)
        parts.append(texts[part.indices.fill_null(texts.size - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)
