"""Measurements: speed, memory and accuracy, on the machine at hand."""
