"""The command line: one file per command. Each command is a function; its parameters are the options."""
