"""k-anonymity, l-diversity and t-closeness of streams of Arrow batches."""
