"""How predictions are measured. Nothing is trained here."""
