"""Data contracts: documents of the Open Data Contract Standard, read into contracts that make sense in themselves."""
