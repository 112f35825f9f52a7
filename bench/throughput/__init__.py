"""How many mentions a second one core takes through scoring and detection, and whether that stays so."""
