"""Who may ask: authentication, hosts, rate limits, cross-site requests."""
