"""What people run: config, assembly, supervisor, worker, command line."""
