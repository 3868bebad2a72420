"""Text to vectors: the `Encoder` protocol, backends, shipped models."""
