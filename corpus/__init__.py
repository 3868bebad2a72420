"""Articles: read them, clean them, split them into sentences and passages."""
