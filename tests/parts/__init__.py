"""The parts that only tests run on: a browser, a peer that says what none should, a network that can be damaged."""
