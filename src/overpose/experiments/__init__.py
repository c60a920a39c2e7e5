"""Measuring what was trained: protocols, reports, tables, figures, and the whole experiment."""
