"""Benchmarks of speed, memory and accuracy on the current machine."""
