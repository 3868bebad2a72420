"""Retrieval of whole documents on BEIR collections."""
