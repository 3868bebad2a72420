"""One immutable index on disk: file names, manifest, opening, verification, recovery."""
