"""What attacks bring back: its rows on disk, the numbers computed from them, the section of a record."""
