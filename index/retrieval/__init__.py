"""What is searched: FAISS, tantivy, filters and facets."""
