"""Pages for people: the Gradio page, reader, evidence list, administration, embed kit."""
