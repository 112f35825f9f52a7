"""How well the sentiment scorer judges texts of a kind it never saw, and of kinds it did."""
