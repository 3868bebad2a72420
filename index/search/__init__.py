"""A query to ranked hits: candidates, scores, fusion, reranking."""
