"""Other libraries that make rows of the same noised counts, each in a Python of its own.

`BENCH_MBI` (mbi, and with it JAX) and `BENCH_DPMM` (dpmm, which pins older numpy, pandas and OpenDP) name the
interpreters; what has none is left out. Run as a script by one of them this file is the other end, as `bench.peers` is:
it imports nothing of the project. Rows are left beside the counts, as codes in `WORK.npy`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PEERS = {"mbi_tree": "BENCH_MBI", "mbi_mixture": "BENCH_MBI", "dpmm_tree": "BENCH_DPMM"}
"""The works, and the variables that name their Pythons."""

_DESCENT = 1000  # steps, the default of both libraries
_MIXTURE = 500


def interpreters() -> dict[str, str]:
    """The Python of each work that has one."""
    found = {work: os.environ.get(variable) for work, variable in PEERS.items()}
    return {work: python for work, python in found.items() if python}


def _mbi(work: str, told: Any) -> Callable[[], Any]:
    """A graphical model of the strongest tree by mirror descent, or 100 mixed products for all pairs by Adam."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_enable_compilation_cache", False)
    mbi, numpy = import_module("mbi"), import_module("numpy")
    kept = range(len(told["fields"])) if work == "mbi_mixture" else told["tree"]
    counts = [
        mbi.LinearMeasurement(told[str(at)].ravel(), _names(told, at), stddev=float(told["deviations"][at]))
        for at in kept
    ]
    names = [str(field) for field in range(len(told["cells"]))]
    domain = mbi.Domain(names, [int(cells) for cells in told["cells"]])
    rows = int(told["rows"])
    if work == "mbi_mixture":
        adam = import_module("optax").adam(0.1)
        estimator, steps = mbi.extensions.mixture_of_products.MixtureOfProductsEstimator(optimizer=adam), _MIXTURE
    else:
        estimator, steps = mbi.estimation.MirrorDescent(), _DESCENT

    def run() -> Any:
        drawn = estimator.estimate(domain, counts, known_total=float(rows), iters=steps).synthetic_data(rows).to_dict()
        return numpy.stack([numpy.asarray(drawn[field]) for field in names], axis=1)

    return run


def _dpmm(told: Any) -> Callable[[], Any]:
    """A graphical model of the strongest tree by mirror descent, in numpy."""
    inner, sparse = import_module("dpmm.models.base.mbi"), import_module("scipy.sparse")
    numpy = import_module("numpy")
    names = [str(field) for field in range(len(told["cells"]))]
    domain = inner.Domain(names, [int(cells) for cells in told["cells"]])
    counts = [
        (sparse.eye(told[str(at)].size), told[str(at)].ravel(), float(told["deviations"][at]), _names(told, at))
        for at in told["tree"]
    ]

    def run() -> Any:
        inference = inner.FactoredInference(domain, iters=_DESCENT, prng=numpy.random.RandomState(1))
        drawn = inference.estimate(counts, total=int(told["rows"])).synthetic_data(int(told["rows"]))
        return drawn.df[names].to_numpy()

    return run


def _names(told: Any, at: int) -> tuple[str, ...]:
    return tuple(str(field) for field in told["fields"][at])


def _answer(work: str, file: Path) -> None:
    numpy = import_module("numpy")
    told = dict(numpy.load(file))
    run = _dpmm(told) if work == "dpmm_tree" else _mbi(work, told)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        codes = run()
        cpu = time.process_time() - start
        numpy.save(file.with_name(f"{work}.npy"), codes.astype(numpy.int64))
        print(json.dumps({"cpu": cpu, "result": _peak_mib()}), flush=True)


def _peak_mib() -> float:
    """The most memory of this process alone: what `getrusage` says begins with that of the process it came from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak) / 1024


if __name__ == "__main__":
    _answer(sys.argv[1], Path(sys.argv[2]))
