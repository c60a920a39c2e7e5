"""The speed budgets, measured on this machine."""
