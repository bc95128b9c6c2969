"""What stands before the engines: each question goes to its own, and what was answered of data as they are is kept."""
