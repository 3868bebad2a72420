"""Articles to a published generation: plan, embed, publish."""
