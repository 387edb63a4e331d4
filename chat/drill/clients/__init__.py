"""Who talks in a drill.

    client      what every kind of client can do
    contract    a whole client in Python, written against the public contract alone
    page        the product's own modules, under Node.js
    crowd       listeners by the hundred, who only count
"""
