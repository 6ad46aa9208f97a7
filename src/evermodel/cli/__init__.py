"""The command line: one file a command; everything it does is a function of the loop."""
