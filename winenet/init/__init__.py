"""A pipeline for another table: infer what its columns are, and write the new folder."""
