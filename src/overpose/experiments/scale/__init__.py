"""What many machines would take: measured here, simulated, written as tables."""
