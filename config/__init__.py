"""The law's numbers and the locality's choices: data first, and small strict readers of it."""
