"""What is attached: the virus scanner's answer."""
