"""What every measure uses: databases, generated work, alternating rounds, and profiles."""
