"""The jail door: a program that reads hostile files in a child process, where a crash or a bomb takes nobody else down."""
