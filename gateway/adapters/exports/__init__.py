"""The folder that exports are made and kept in."""
