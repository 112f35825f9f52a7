"""What carrying a delivery out costs: deliveries a second against a bare loop, and how punctually they go out."""
