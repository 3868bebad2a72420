"""From a document's blocks to canonical text: boilerplate, headings, metadata, line joining."""
