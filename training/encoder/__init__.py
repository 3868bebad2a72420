"""Trains the encoder: one network read once over a passage and once over a question."""
