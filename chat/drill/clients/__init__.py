"""Who talks in a drill.

client      what every kind of client can do
contract    a whole client in Python, written against the public contract alone
page        the product's own modules, under Node.js: `pages` is the process of them all (static/drill/)
crowd       listeners by the hundred, who only count

The contract client stands on `connection` (the WebSocket), `endpoint` (HTTP), `answer`, `asking` and `documents` (what
is asked, and what comes of it), `inbox`, `room` with its `feed` and `state`, `outbox`, `sending`, `settings`, `tasks`.
"""
