"""Answers under load: queue, cache, index reloads, health, metrics."""
