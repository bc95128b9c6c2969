"""Column kernels: pure functions from Arrow arrays to Arrow arrays. NULL stays NULL; nothing here reads or writes."""
