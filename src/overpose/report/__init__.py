"""What was measured as rows, tables, figures and pages. Nothing is measured or trained here."""
