"""Vectors and words: build a generation, publish it, search it."""
