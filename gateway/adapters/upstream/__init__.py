"""A department's own gRPC service as a source: classified to the last field, or not read."""
