"""`gateway push`: a department's file, pushed into a dataset."""
