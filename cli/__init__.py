"""The `qa` command: one file a command; `terminal` and `options` are shared."""
