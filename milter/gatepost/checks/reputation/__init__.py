"""What is remembered: rates and the sender's record."""
