"""Choosing and measuring the judge of people."""
