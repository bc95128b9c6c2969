"""Files and folders of Parquet and CSV as a source, read by the embedded engine; made-up rows are asked by the same."""
