"""Finding issues in a stream of mentions: one pass, fixed tables, the same stream gives the same issues. Pure.

`detector` is what one feeds; `features` makes terms, `tables` tests their counts, `grouping` and `evidence` make
issues of what bursts together, `membership` attaches mentions, `checkpoint` keeps it all in bytes, `telling` reports.
"""

VERSION = "stream-1"
"""Stored with what it finds; changes when a rule or a parameter changes."""
