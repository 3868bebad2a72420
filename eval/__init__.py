"""Gold questions and what is measured with them."""
