"""Files that no program writes: small sound ones, what becomes of them by chance, and some made by hand."""
