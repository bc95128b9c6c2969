"""Other libraries at the same statistics, each in a Python of its own, since they pin what contradicts each other.

`BENCH_SMARTNOISE` (smartnoise-sql, pyarrow), `BENCH_TUMULT` (tmlt.analytics, Java) and `BENCH_OPENDP` (opendp[polars])
name the interpreters; what has none is left out. Run as a script by one of them this file is the other end, as
`bench.peers` is: it imports nothing of the project. Data is read, and where that is possible held in memory, before
anything is timed.
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

PEERS = {"smartnoise": "BENCH_SMARTNOISE", "tumult": "BENCH_TUMULT", "opendp_rows": "BENCH_OPENDP"}
"""The works, and the variables that name their Pythons."""

# as bench.releases.visits has them, which cannot be imported here
PLACES = [f"place-{number:02d}" for number in range(100)]
LARGEST, MAX_PLACES, MAX_VISITS = 1_000, 3, 10
EPSILON = 0.5
"""For each of the two statistics."""


def interpreters() -> dict[str, str]:
    """The Python of each work that has one."""
    found = {work: os.environ.get(variable) for work, variable in PEERS.items()}
    return {work: python for work, python in found.items() if python}


def _smartnoise(file: Path) -> Callable[[], list[float]]:
    """People bounded to thirty rows, drawn at random; both statistics in one query, over SQLite in memory."""
    parquet, sql = import_module("pyarrow.parquet"), import_module("snsql")
    frame = parquet.read_table(file).to_pandas()
    table = {
        "rows": len(frame),
        "max_ids": MAX_PLACES * MAX_VISITS,
        "sample_max_ids": True,
        "censor_dims": False,
        "person": {"type": "string", "private_id": True},
        "place": {"type": "string"},
        "amount": {"type": "int", "lower": 0, "upper": LARGEST},
    }
    reader = sql.from_df(
        frame, privacy=sql.Privacy(epsilon=EPSILON, delta=1e-9), metadata={"": {"bench": {"visits": table}}}
    )
    query = "SELECT place, COUNT(*) AS visits, SUM(amount) AS amount FROM bench.visits GROUP BY place"

    def run() -> list[float]:
        _, *rows = reader.execute(query)
        return [float(sum(row[1] for row in rows)), float(sum(row[2] for row in rows))]

    return run


def _tumult(file: Path) -> Callable[[], list[float]]:
    """People bounded to three places and ten visits at each; Spark with two threads, the table cached."""
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    spark_sql, tumult = import_module("pyspark.sql"), import_module("tmlt.analytics")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "4g",
        "spark.sql.shuffle.partitions": "4",
    }
    builder = spark_sql.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.read.parquet(str(file)).cache()
    frame.count()
    session = tumult.Session.from_dataframe(
        privacy_budget=tumult.PureDPBudget(float("inf")),
        source_id="visits",
        dataframe=frame,
        protected_change=tumult.AddRowsWithID(id_column="person"),
    )
    keys = tumult.KeySet.from_dict({"place": PLACES})
    bounded = (
        tumult.QueryBuilder("visits")
        .enforce(tumult.MaxGroupsPerID("place", MAX_PLACES))
        .enforce(tumult.MaxRowsPerGroupPerID("place", MAX_VISITS))
        .groupby(keys)
    )
    queries = {"count": bounded.count(), "amount_sum": bounded.sum("amount", 0, LARGEST)}

    def run() -> list[float]:
        # it answers one statistic at a time
        answers = {name: session.evaluate(query, tumult.PureDPBudget(EPSILON)) for name, query in queries.items()}
        return [float(answer.toPandas()[name].sum()) for name, answer in answers.items()]

    return run


def _opendp_rows(file: Path) -> Callable[[], list[float]]:
    """Every row a unit of its own: no bounding of people at all. The measurement is built once, the frame in memory."""
    os.environ["RUST_LIB_BACKTRACE"] = "0"
    dp, polars = import_module("opendp.prelude"), import_module("polars")
    dp.enable_features("contrib")
    frame = polars.read_parquet(file, columns=["place", "amount"])
    fields = [
        dp.series_domain("place", dp.atom_domain(T=dp.String)),
        dp.series_domain("amount", dp.atom_domain(T="i64")),
    ]
    margin = dp.polars.Margin(by=[polars.col("place")], invariant="keys", max_length=len(frame), max_groups=len(PLACES))
    query = (
        frame.lazy()
        .group_by("place")
        .agg(polars.len().dp.noise().alias("visits"), polars.col("amount").dp.sum((0, LARGEST)).alias("amount"))
    )
    measurement = dp.m.make_private_lazyframe(
        dp.with_margin(dp.lazyframe_domain(fields), margin),
        dp.symmetric_distance(),
        dp.max_divergence(),
        query,
        global_scale=1 / EPSILON,
    )

    def run() -> list[float]:
        answer = measurement(frame.lazy()).collect()
        return [float(answer["visits"].sum()), float(answer["amount"].sum())]

    return run


WORKS: dict[str, Callable[[Path], Callable[[], list[float]]]] = {
    "smartnoise": _smartnoise,
    "tumult": _tumult,
    "opendp_rows": _opendp_rows,
}


def _answer(work: str, file: Path) -> None:
    run: Callable[[], Any] = WORKS[work](file)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        result = run()
        print(json.dumps({"cpu": time.process_time() - start, "result": result}), flush=True)


if __name__ == "__main__":
    _answer(sys.argv[1], Path(sys.argv[2]))
