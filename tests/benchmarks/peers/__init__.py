"""What Todoku is measured against: each a server that tells its costs on the same machine.

All listen on 127.0.0.1 at PORT, print `ready` when they do, keep what they store in FOLDER and end at SIGTERM.
`make peers` installs those that run on Node.js; `processes` starts each by its name.
"""
