"""The pages of those who run the city's policy and registers: each the mirror of the pipeline for one of them."""
