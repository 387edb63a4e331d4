"""The real parts that tests run on, and how each starts on a machine where nothing is installed."""
