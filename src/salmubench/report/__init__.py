"""The report: one self-contained page of a run, and its tables as text, Markdown, CSV and LaTeX."""
