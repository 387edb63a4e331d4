"""The drill: an installation of its own, clients that talk, faults, and a check of everything that was recorded.

run            one drill from its plan to its report
installation   the server processes, their database and channel layer, the network in front of them
server         how a drilled server process starts: the product's own, with points at which it can be killed
faults/        what breaks, one fault a file
clients/       who talks: a client written against the public contract, and the product's own under Node.js
history        what is recorded, line by line
checks/        what must hold, one check a file
report         the table
"""
