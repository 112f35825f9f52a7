"""The words everyone shares and the plumbing under them. Knows no other room."""
