"""The command `gateway`. Each command is imported when it is run, so that help and mistakes answer at once."""
