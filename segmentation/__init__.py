"""Customer segmentation: what no library does well enough for the three notebooks."""
