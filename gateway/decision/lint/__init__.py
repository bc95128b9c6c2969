"""What is valid in a policy and unwise: too broad, without effect, past its day, or more than is used. Pure."""
