"""The lanes beside the pipeline: each is a page that puts the same stages, or the pipeline itself, in another order."""
