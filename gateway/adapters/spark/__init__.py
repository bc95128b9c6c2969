"""Lakes of files as a source, read by Spark over Spark Connect: a session of its own, or another server's."""

from __future__ import annotations

import logging
import warnings

# The library writes the errors of queries to the log, with their texts, in which values stand.
for _name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
    logging.getLogger(_name).disabled = True
logging.getLogger("pyspark").setLevel(logging.CRITICAL)
# None of what it warns of is used here.
warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
