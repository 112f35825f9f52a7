"""Finding bursts of talk and telling what they are about. Pure rules, fed with counts and mentions.

`series` is the burst test, `merging` makes one issue of terms that burst together, `gates` asks whether many people
say it, `echoes` takes out what our own item said
first, `grading` gives the level, `wording` the title.
"""

VERSION = "signitrend-2"
"""Stored with every issue; changes when a rule or a parameter changes."""
