"""How well bursts are found: windows hit, false episodes, the score of the Numenta benchmark, peers' rules beside."""
