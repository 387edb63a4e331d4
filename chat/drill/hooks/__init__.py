"""What is wrapped around the product in a drilled server process, from outside.

commits    records each commit as it happens
kills      points at which the process ends at once
clock      another time of day
disk       a volume that is full
slow       the product without one of its fast paths
bugs       mistakes put in on purpose, to see that the checks find them
"""
