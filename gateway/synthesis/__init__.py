"""Synthetic extracts: made-up rows that agree with noised marginals.

Everything here is post-processing. It is given counts that already carry their noise and the public domains of the
fields, never the data, so nothing it does can cost more privacy than the counts did, and no mistake in it can either.

`workload` says which marginals to count, from the contract alone; `fit` makes them agree with each other; `sample`
draws rows; `quality` says how far rows and marginals are apart. All are pure.
"""
