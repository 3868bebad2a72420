"""Trains the shipped reader, which rates sentences by reading them together with the question."""
