"""ASGI plumbing: routes, security headers, problem details, logs, slow clients."""
