"""Where files come from: local folders and fsspec addresses."""
