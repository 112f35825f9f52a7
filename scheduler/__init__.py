"""What runs when; a process of its own."""
