"""Durable writes, memory-mapped arrays, an LRU cache; knows nothing of articles."""
