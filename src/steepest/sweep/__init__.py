"""Studies at scale: one figure over a grid of parameters and seeds, on Dask, into one Zarr store.

    run_sweep("study.toml")

Needs the extra `cluster`: dask, distributed, dask-jobqueue, zarr, filelock.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
