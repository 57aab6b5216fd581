"""A pipeline for another table: infer what its columns are, write the new folder."""
