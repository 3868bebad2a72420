"""Parsing in confined worker processes: limits, protocol, pool."""
