"""The real parts that a drill and the tests run on, and how each starts on a machine where nothing is installed."""
