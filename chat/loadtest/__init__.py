"""A load test of a running server, through the public contract: who listens, who sends, and what it costs.

The clients live in processes of their own, so the server's core is its own. What they say is given to them as text,
so other servers can be measured by the same means (`tests/benchmarks`).
"""
