"""Training and measuring the lifters."""
