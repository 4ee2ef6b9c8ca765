"""Submissions, their checks, and the site built from them."""
