"""Citizens' messages: accepted, numbered, tracked; and decisions on site comments."""
