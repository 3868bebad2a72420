"""Quotations and references, as text fragments and export formats."""
