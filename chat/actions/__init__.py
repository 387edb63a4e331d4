"""The verbs: each is one function that checks, writes in one transaction and appends what happened to the log."""
