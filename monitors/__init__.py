"""Text to score to issue to alert to brief; every figure shown anywhere is computed here."""
