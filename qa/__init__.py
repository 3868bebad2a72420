"""A question to a cited answer, or to "no answer found"."""
