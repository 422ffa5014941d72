"""The published checkpoints with their cards, and the converter of weight files."""
