"""The JSON API, Prometheus metrics and MCP tools."""
