"""Drawings as SVG: marks, scales, labels, the scatter of forgetting against damage, small panels."""
